//! Numbers and strings, spelled as the reference spells them.

use super::protocol::{Encode, EncodeError, Protocol::Json};

fn json(value: impl Encode) -> Result<String, EncodeError> {
    let mut out = Vec::new();
    value.encode(Json, &mut out)?;
    Ok(String::from_utf8(out).unwrap())
}

#[test]
fn doubles_are_spelled_as_the_reference_spells_them() {
    let cases = [
        (0.0, "0"),
        (1.0, "1"),
        (-0.0, "-0"),
        (-1.5, "-1.5"),
        (0.1, "0.1"),
        (0.30000000000000004, "0.30000000000000004"),
        (123456789.125, "123456789.125"),
        (9007199254740993.0, "9007199254740992"),
        (1e15, "1000000000000000"),
        (1e16, "10000000000000000"),
        (1e17, "1E+17"),
        (1e21, "1E+21"),
        (1.5e300, "1.5E+300"),
        (1e-4, "0.0001"),
        (1.25e-3, "0.00125"),
        (1e-5, "1E-05"),
        (1e-7, "1E-07"),
        (5e-324, "5E-324"),
        (f64::MAX, "1.7976931348623157E+308"),
        (123456789012345680.0, "1.2345678901234568E+17"),
        (12345678901234568.0, "12345678901234568"),
        (-2.5e-10, "-2.5E-10"),
    ];
    for (value, text) in cases {
        assert_eq!(json(value).unwrap(), text);
        assert_eq!(
            text.parse::<f64>().unwrap().to_bits(),
            f64::to_bits(value),
            "{text}"
        );
    }
}

#[test]
fn floats_have_no_more_digits_than_they_need() {
    for (value, text) in [
        (0.1f32, "0.1"),
        (1.0, "1"),
        (-0.0, "-0"),
        (1e8, "100000000"),
        (1e9, "1E+09"),
    ] {
        assert_eq!(json(value).unwrap(), text);
    }
}

#[test]
fn what_is_no_number_cannot_be_written() {
    assert!(json(f64::NAN).is_err());
    assert!(json(vec![1.0, f64::INFINITY]).is_err());
    assert!(json(Some(f32::NEG_INFINITY)).is_err());
}

#[test]
fn integers_keep_all_their_digits() {
    assert_eq!(json(i64::MIN).unwrap(), "-9223372036854775808");
    assert_eq!(json(u64::MAX).unwrap(), "18446744073709551615");
    assert_eq!(
        json((1u8, -1i8, i16::MIN, u32::MAX)).unwrap(),
        "[1,-1,-32768,4294967295]"
    );
}

#[test]
fn strings_are_spelled_as_the_reference_spells_them() {
    let cases = [
        ("", r#""""#),
        ("plain", r#""plain""#),
        ("\"\\/", r#""\"\\/""#),
        ("\t\n\r\u{8}\u{c}", r#""\t\n\r\b\f""#),
        (
            "\0\u{1e}\u{1f}\u{7f}\u{80}\u{9f}",
            r#""\u0000\u001E\u001F\u007F\u0080\u009F""#,
        ),
        ("<b>&'+`=</b>", r#""<b>&'+`=</b>""#),
        (
            "é ß 漢字 \u{ad}\u{200b}\u{200f}\u{202e}",
            "\"é ß 漢字 \u{ad}\u{200b}\u{200f}\u{202e}\"",
        ),
        (
            "a\u{a0}\u{2028}\u{2029}\u{feff}\u{3000}z",
            r#""a\u00A0\u2028\u2029\uFEFF\u3000z""#,
        ),
        ("\u{e000}\u{fffe}\u{fffd}", "\"\\uE000\\uFFFE\u{fffd}\""),
        ("é😀é", r#""é\uD83D\uDE00é""#),
    ];
    for (value, text) in cases {
        assert_eq!(json(value).unwrap(), text);
        assert_eq!(serde_json::from_str::<String>(text).unwrap(), value);
    }
}
