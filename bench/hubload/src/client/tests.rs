//! Addresses, sources and HTTP bodies.

use super::*;

#[test]
fn urls() {
    let u: Url = "http://127.0.0.1:5000/hubs/a?x=1".parse().unwrap();
    assert_eq!(u.addr.to_string(), "127.0.0.1:5000");
    assert_eq!(
        u.with("/negotiate", "negotiateVersion=1"),
        "/hubs/a/negotiate?x=1&negotiateVersion=1"
    );
    assert_eq!(u.with("", "id=q"), "/hubs/a?x=1&id=q");
    let u: Url = "ws://localhost:1".parse().unwrap();
    assert_eq!(u.with("", ""), "/");
    for bad in [
        "http://10.0.0.1/",
        "http://example.com/",
        "https://127.0.0.1/",
        "http://128.0.0.1:80/",
        "http://127.0.0.1.example.com/",
        "http://127.0.0.1@10.0.0.1/",
        "http://0.0.0.0:1/",
        "http://[::1]:1/",
    ] {
        assert!(bad.parse::<Url>().is_err(), "{bad}");
    }
    assert!(host_port("127.9.9.9:6379").is_ok());
    assert!(host_port("192.168.0.1:6379").is_err());
}

#[test]
fn sources() {
    let v = parse_src("127.0.0.2-127.0.0.40").unwrap();
    assert_eq!(v.len(), 39);
    assert_eq!(parse_src("127.0.0.5,127.1.0.1-127.1.0.2").unwrap().len(), 3);
    assert!(parse_src("10.0.0.1").is_err());
    assert!(parse_src("127.0.0.9-127.0.0.1").is_err());
    assert!(parse_src("127.255.255.255-128.0.0.1").is_err());
}

#[test]
fn http_bodies() {
    let r = http_response(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}rest")
        .unwrap()
        .unwrap();
    assert_eq!(
        (r.status, r.body.as_slice(), r.close),
        (200, &b"{}"[..], false)
    );
    let r = http_response(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n3\r\n{\"a\r\n2;x=y\r\n\":\r\n0\r\n\r\n").unwrap().unwrap();
    assert_eq!((r.body.as_slice(), r.close), (&b"{\"a\":"[..], true));
    assert!(
        http_response(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{")
            .unwrap()
            .is_none()
    );
    assert!(
        http_response(b"HTTP/1.1 200 OK\r\nConte")
            .unwrap()
            .is_none()
    );
    assert_eq!(
        http_response(b"HTTP/1.1 204 No Content\r\n\r\n")
            .unwrap()
            .unwrap()
            .status,
        204
    );
    assert!(http_response(b"junk\r\n\r\n").is_err());
}
