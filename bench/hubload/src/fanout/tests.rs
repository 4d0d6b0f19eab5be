//! The window that tells late messages from repeated ones.

use super::*;

#[test]
fn sequence_window() {
    let mut s = Seen::default();
    assert_eq!(s.see(1), Kind::New);
    assert_eq!(s.see(2), Kind::New);
    assert_eq!(s.see(2), Kind::Dup);
    assert_eq!(s.see(5), Kind::New);
    assert_eq!(s.see(3), Kind::Late);
    assert_eq!(s.see(3), Kind::Dup);
    assert_eq!(s.see(4), Kind::Late);
    assert_eq!(s.see(1), Kind::Dup);
    assert_eq!(s.see(6), Kind::New);
    assert_eq!(s.see(1000), Kind::New);
    assert_eq!(s.see(999), Kind::Late);
    assert_eq!(s.see(873), Kind::Late);
    assert_eq!(s.see(872), Kind::Old);
    // a receiver that joins late
    let mut s = Seen::default();
    assert_eq!(s.see(500), Kind::New);
    assert_eq!(s.see(501), Kind::New);
}
