use super::*;

fn parse(text: &str) -> RedisOptions {
    RedisOptions::parse(text).unwrap_or_else(|problem| panic!("{text}: {problem}"))
}

#[test]
fn both_forms_say_the_same() {
    for (url, string) in [
        ("redis://host", "host"),
        ("redis://:pw@host:6379", "host:6379,password=pw"),
        (
            "redis://default:pw@host:6379",
            "host:6379,user=default,password=pw",
        ),
        (
            "rediss://user:pw@host:6380/0",
            "host:6380,ssl=true,user=user,password=pw,defaultDatabase=0",
        ),
        ("redis://u:p%40%2Fw@h:1", "h:1,user=u,password=p@/w"),
        ("redis+unix:///run/redis.sock", "!/run/redis.sock"),
        (
            "redis-sentinel://u:p@s1:26379?sentinelServiceName=mymaster&node=s2:26379",
            "s1:26379,s2:26379,serviceName=mymaster,user=u,password=p",
        ),
        ("valkeys://[::1]:7", "[::1]:7,ssl=true"),
    ] {
        assert_eq!(parse(url).to_string(), parse(string).to_string(), "{url}");
        assert_eq!(parse(url).password, parse(string).password, "{url}");
    }
}

#[test]
fn a_connection_string_is_read_as_stackexchange_redis_does() {
    let options = parse(
        " a:6379 , [2001:db8::1]:6380,a:6379,, PASSWORD = ab=c== ,abortConnect=FALSE,ssl=yes,\
         channelPrefix=sandbox:,connectTimeout=250,connectRetry=5,keepAlive=-1,name=api",
    );
    let tcp = |host: &str, port| Endpoint::Tcp {
        host: host.to_owned(),
        port: Some(port),
    };
    assert_eq!(
        options.endpoints,
        [tcp("a", 6379), tcp("2001:db8::1", 6380)]
    );
    assert_eq!(options.password.expect("is set").expose(), "ab=c==");
    assert_eq!(options.abort_connect, Some(false));
    assert!(options.ssl);
    assert_eq!(options.channel_prefix.as_deref(), Some("sandbox:"));
    assert_eq!(options.connect_timeout_ms, Some(250));
    assert_eq!(options.keep_alive_seconds, None);
}

#[test]
fn default_ports_follow_tls_and_sentinel() {
    for (text, shown) in [
        ("h", "h:6379"),
        ("h,ssl=true", "h:6380,ssl=True"),
        ("h,serviceName=m", "h:26379,serviceName=m"),
        ("::1", "[::1]:6379"),
        ("rediss://h", "h:6379,ssl=True"),
    ] {
        assert_eq!(parse(text).to_string(), shown);
    }
}

#[test]
fn what_cannot_be_used_says_why_and_never_repeats_the_text() {
    for (text, reason) in [
        (",", "endpoint"),
        ("password=s3cret", "endpoint"),
        ("h:port,password=s3cret", "port"),
        ("h:0", "port"),
        ("h,ssl=perhaps-s3cret", "ssl"),
        ("h,connectTimeout=0", "connectTimeout"),
        ("h,connectTimeout=s3cret", "connectTimeout"),
        ("h,proxy=Twemproxy", "proxy"),
        ("h,proxy=Envoyproxy", "proxy"),
        ("h,tunnel=http:p:1", "tunnel"),
        ("h,$PUBLISH=,password=s3cret", "$PUBLISH"),
        ("h,$subscribe=s3cret", "$subscribe"),
        ("h,protocol=resp9", "protocol"),
        ("h,sslProtocols=Tls|Tls11", "sslProtocols"),
        ("h,defaultDatabase=256", "defaultDatabase"),
        ("h,keepAlive=often", "keepAlive"),
        ("!/run/a.sock,h", "Unix"),
        ("[::1", "["),
        ("http://user:s3cret@h", "scheme"),
        ("redis://u:s3cret%zz@h", "percent"),
        ("redis://:s3cret@h/x", "database"),
        ("redis://", "endpoint"),
        ("redis-sentinel://h", "sentinelServiceName"),
    ] {
        let problem = RedisOptions::parse(text).expect_err(text);
        assert!(problem.contains(reason), "{text}: {problem}");
        assert!(!problem.contains("s3cret"), "{problem}");
    }
}

#[test]
fn unknown_options_are_warnings_that_name_the_key_only() {
    let options = parse("h,passwort=s3cret,$CLIENT=,$PING=ping,allowAdmin=true");
    assert_eq!(
        options.warnings,
        [
            "passwort: is not known and ignored",
            "$CLIENT: the command map is ignored"
        ]
    );
}

#[test]
fn no_form_of_printing_shows_a_password() {
    let options = parse("h,user=u,password=s3cret,sentinelPassword=s3cret");
    for shown in [
        options.to_string(),
        format!("{options:?}"),
        format!("{options:#?}"),
    ] {
        assert!(!shown.contains("s3cret"), "{shown}");
    }
    assert_eq!(
        options.to_string(),
        "h:6379,user=u,password=*****,sentinelPassword=*****"
    );
}

#[test]
fn azures_hosts_are_reached_by_tls_unless_the_string_says_otherwise() {
    for (text, ssl) in [
        ("name.redis.cache.windows.net:6380,password=pw", true),
        ("name.redis.cache.windows.net:6379", false),
        ("name.westeurope.redis.azure.net:10000", true),
        ("NAME.REDISENTERPRISE.CACHE.AZURE.NET:10000", true),
        ("name.redis.azure.net:10000,ssl=false", false),
        ("redis.azure.net.example.org:6380", false),
    ] {
        assert_eq!(parse(text).ssl, ssl, "{text}");
    }
}

#[test]
fn the_certificate_can_be_left_unverified_or_have_an_authority_of_its_own() {
    let options = parse("h:6380,ssl=true,sslVerify=false,sslCaFile=/etc/ca.pem");
    assert_eq!(options.certificates, Certificates::NotVerified);
    let shown = options.to_string();
    assert!(
        shown.ends_with("sslVerify=False,sslCaFile=/etc/ca.pem"),
        "{shown}"
    );
    let same = parse("rediss://h:6380?sslVerify=false&sslCaFile=/etc/ca.pem");
    assert_eq!(same.to_string(), shown);
    let python = parse("rediss://h?ssl_cert_reqs=none");
    assert_eq!(python.certificates, Certificates::NotVerified);
    assert_eq!(parse("h,sslVerify=false").warnings.len(), 1);
}

#[test]
fn endpoints_are_where_stackexchange_redis_would_connect() {
    let tcp = |hosts: &[(&str, u16)]| {
        Addresses::Tcp(
            hosts
                .iter()
                .map(|(host, port)| ((*host).to_owned(), *port))
                .collect(),
        )
    };
    for (text, addresses) in [
        (
            "redis0:6380,redis1:6380,allowAdmin=true,password=a=b",
            tcp(&[("redis0", 6380), ("redis1", 6380)]),
        ),
        (
            "[::1]:7000,::1,host",
            tcp(&[("::1", 7000), ("::1", 6379), ("host", 6379)]),
        ),
        ("host,ssl=yes", tcp(&[("host", 6380)])),
        ("s1,s2,serviceName=m", tcp(&[("s1", 26379), ("s2", 26379)])),
        ("PASSWORD=x, Ssl = TRUE ,,host", tcp(&[("host", 6380)])),
        ("valkey://h", tcp(&[("h", 6379)])),
        ("redis-cluster://a:1?node=b:2", tcp(&[("a", 1), ("b", 2)])),
        (
            "!/run/redis.sock",
            Addresses::Unix("/run/redis.sock".into()),
        ),
        (
            "unix:///run/redis.sock",
            Addresses::Unix("/run/redis.sock".into()),
        ),
        (
            "unix:/run/redis.sock",
            Addresses::Unix("/run/redis.sock".into()),
        ),
    ] {
        assert_eq!(parse(text).addresses(), addresses, "{text}");
    }
}

#[test]
fn a_lone_word_in_a_url_is_the_password_and_so_is_never_shown() {
    let options = parse("redis://s3cret@h");
    assert_eq!(options.password, Some(Secret::new("s3cret")));
    assert_eq!(options.to_string(), "h:6379,password=*****");
}
