//! `double`: JSON has no spelling for infinity and NaN, MessagePack has.

use serde::{Deserialize, Serialize, Serializer, ser::Error};

/// A floating point number.
#[derive(Deserialize)]
#[serde(transparent)]
pub struct Double(pub f64);

impl Serialize for Double {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if !self.0.is_finite() && serializer.is_human_readable() {
            return Err(S::Error::custom("JSON cannot hold this number"));
        }
        serializer.serialize_f64(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::{super::testing::*, *};
    use managing_api::signalr::protocol::{Encode, Protocol};

    #[test]
    fn json_is_shortest_and_finite() {
        for (given, written) in [
            ("1.0", "1"),
            ("-0.0", "-0"),
            ("1e3", "1000"),
            ("0.1", "0.1"),
        ] {
            assert_eq!(json::<Double>(given).as_deref(), Some(written));
        }
        assert_eq!(json::<Double>("\"1\""), None);
        let mut out = Vec::new();
        assert!(Double(f64::NAN).encode(Protocol::Json, &mut out).is_err());
    }

    #[test]
    fn message_pack_is_eight_bytes_wide_whatever_came() {
        let one_and_a_half = Some(vec![0xcb, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0]);
        assert_eq!(
            message_pack::<Double>(&[0xca, 0x3f, 0xc0, 0, 0]),
            one_and_a_half
        );
        let minus_one = Some(vec![0xcb, 0xbf, 0xf0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(message_pack::<Double>(&[0xff]), minus_one);
        let nan = [0xcb, 0x7f, 0xf8, 0, 0, 0, 0, 0, 0];
        assert_eq!(message_pack::<Double>(&nan), Some(nan.to_vec()));
    }
}
