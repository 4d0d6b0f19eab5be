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
    let options = parse("h,passwort=s3cret,$CLIENT=,allowAdmin=true");
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
