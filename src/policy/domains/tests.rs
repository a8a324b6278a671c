use proptest::prelude::*;

use super::*;
use crate::config;
use crate::policy::Policy;

fn patterns(list: &[&str]) -> Vec<DomainPattern> {
    list.iter().map(|text| DomainPattern::parse(text).unwrap()).collect()
}

fn policy(allowed: &[&str], blocked: &[&str]) -> DomainPolicy {
    DomainPolicy { allowed: patterns(allowed), blocked: patterns(blocked) }
}

fn allows(policy: &DomainPolicy, host: &str) -> bool {
    matches!(policy.decide(host), Decision::Allowed(_))
}

#[test]
fn an_exact_entry_covers_that_name_in_every_case_and_with_one_trailing_dot() {
    let policy = policy(&["Example.COM."], &[]);
    for host in ["example.com", "EXAMPLE.com", "example.com."] {
        let expected = Host::Name("example.com".into());
        assert_eq!(policy.decide(host), Decision::Allowed(expected), "{host}");
    }
}

#[test]
fn look_alikes_of_an_exact_entry_are_not_it() {
    let policy = policy(&["example.com"], &[]);
    for host in [
        "www.example.com",
        "evilexample.com",
        "example.com.evil.org",
        "example.comm",
        "example.co",
        "xample.com",
        "com",
        "example-com",
        "xn--example.com",
    ] {
        assert_eq!(policy.decide(host), Decision::NotListed, "{host}");
    }
}

#[test]
fn a_wildcard_covers_names_below_but_not_the_apex() {
    let policy = policy(&["*.example.com"], &[]);
    assert!(allows(&policy, "a.example.com"));
    assert!(allows(&policy, "a.b.EXAMPLE.com."));
    for host in ["example.com", "evilexample.com", "a.evilexample.com", "a.example.com.evil.org"] {
        assert_eq!(policy.decide(host), Decision::NotListed, "{host}");
    }
    assert!(matches!(policy.decide(".example.com"), Decision::Malformed(_)));
}

#[test]
fn blocked_wins_and_an_empty_allowed_list_allows_nothing() {
    let open = policy(&["*"], &["bad.org", "*.bad.org", "192.0.2.1"]);
    assert!(allows(&open, "good.org"));
    assert!(allows(&open, "notbad.org"));
    for host in ["bad.org", "BAD.org.", "x.bad.org", "192.0.2.1"] {
        assert_eq!(open.decide(host), Decision::Blocked, "{host}");
    }
    let closed = policy(&["good.org"], &["*"]);
    assert_eq!(closed.decide("good.org"), Decision::Blocked);
    assert_eq!(DomainPolicy::default().decide("good.org"), Decision::NotListed);
}

#[test]
fn every_spelling_of_an_address_is_refused_under_a_star() {
    let policy = policy(&["*"], &[]);
    for host in [
        "127.0.0.1",
        "127.0.0.1.",
        "127.1",
        "2130706433",
        "0x7f.1",
        "0X7F.0.0.1",
        "0x7f000001",
        "017700000001",
        "0177.0.0.1",
        "127.0.0.0x1",
        "127.0.0.0x",
        "1.2.3.4.5",
        "999.999.999.999",
        "example.123",
        "[::1]",
        "[0:0:0:0:0:0:0:1]",
        "[::ffff:127.0.0.1]",
        "[::FFFF:7f00:1]",
        "[fe80::1%25eth0]",
        "[v1.x]",
        "[]",
        "::1",
        "::ffff:127.0.0.1",
    ] {
        assert_eq!(policy.decide(host), Decision::AddressLiteral, "{host}");
    }
}

#[test]
fn a_listed_address_is_allowed_in_its_canonical_form_only() {
    let policy = policy(&["192.0.2.7", "::1", "[2001:db8::7]"], &[]);
    for host in ["192.0.2.7", "[::1]", "[2001:db8::7]"] {
        assert!(allows(&policy, host), "{host}");
    }
    for host in [
        "192.0.2.07",
        "192.0.519",
        "3221225991",
        "[::ffff:192.0.2.7]",
        "::1",
        "[0::1]",
        "[2001:DB8::7]",
        "192.0.2.8",
    ] {
        assert_eq!(policy.decide(host), Decision::AddressLiteral, "{host}");
    }
}

#[test]
fn what_is_not_a_host_is_refused_even_under_a_star() {
    let policy = policy(&["*"], &[]);
    let long_label = format!("{}.com", "a".repeat(64));
    let long_name = ["a".repeat(62).as_str(); 5].join(".");
    for host in [
        "",
        ".",
        "..",
        "a..b",
        "example.com..",
        ".example.com",
        "-a.com",
        "a-.com",
        "a_b.com",
        "exa mple.com",
        "example.com\0.evil.org",
        "example.com/..",
        "example.com#@x.org",
        "user@example.com",
        "exa%6dple.com",
        "b\u{fc}cher.de",
        "example\u{3002}com",
        "\u{ff45}xample.com",
        "*",
        "*.com",
        "[::1",
        &long_label,
        &long_name,
    ] {
        assert!(matches!(policy.decide(host), Decision::Malformed(_)), "{host:?}");
    }
    let label = format!("{}.com", "a".repeat(63));
    let name = format!("{}.{}", ["a".repeat(62).as_str(); 4].join("."), "b");
    assert_eq!(name.len(), MAX_NAME);
    for host in ["a.b", "xn--bcher-kva.de", "3com.com", "0x.com", &label, &name] {
        assert!(allows(&policy, host), "{host}");
    }
}

#[test]
fn a_bad_pattern_names_itself_and_a_good_one_prints_as_it_parses() {
    for text in [
        "",
        "*.",
        "**",
        "*.*",
        "a.*",
        "*a.com",
        "*.1.2",
        "01.2.3.4",
        "a b",
        "http://a.com",
        "a.com:443",
    ] {
        let error = DomainPattern::parse(text).unwrap_err();
        assert!(error.to_string().contains(&format!("{text:?}")), "{error}");
    }
    for text in ["*", "*.a.com", "a.com", "192.0.2.1", "[2001:db8::1]"] {
        assert_eq!(DomainPattern::parse(text).unwrap().to_string(), text);
    }
}

proptest! {
    #[test]
    fn decide_never_panics_and_allows_only_what_is_listed(host in ".{0,300}") {
        let policy = policy(&["listed.test", "*.listed.test"], &["blocked.listed.test"]);
        if let Decision::Allowed(Host::Name(name)) = policy.decide(&host) {
            prop_assert!(name == "listed.test" || name.ends_with(".listed.test"));
        }
    }

    #[test]
    fn nothing_around_an_unlisted_name_is_allowed(
        before in "([a-z0-9-]{0,8}\\.?){0,3}(listed\\.test)?[.@:/\\\\#%]?",
        after in "[.:@/?#%\\\\]?(listed\\.test)?\\.?[a-z0-9]{0,3}",
    ) {
        // Whatever stands around it, a host that ends outside `listed.test` stays outside.
        let host = format!("{before}unlisted.org{after}");
        let below = host.trim_end_matches('.').ends_with(".listed.test");
        let policy = policy(&["listed.test", "*.listed.test"], &[]);
        prop_assert!(below || !allows(&policy, &host), "{}", host);
    }

    #[test]
    fn an_allowed_host_is_in_normal_form(host in "[A-Za-z0-9.-]{1,80}") {
        if let Decision::Allowed(allowed) = policy(&["*"], &[]).decide(&host) {
            prop_assert_eq!(Host::parse(&allowed.to_string()), Ok(allowed));
        }
    }

    #[test]
    fn no_number_is_a_name(number in any::<u64>(), parts in 0usize..4) {
        let host = format!("{}{number}", "1.".repeat(parts));
        prop_assert!(!allows(&policy(&["*"], &[]), &host));
    }
}

proptest! {
    #[test]
    fn what_a_configuration_may_name_is_a_pattern(text in "(\\*\\.)?[a-z0-9x]{1,3}(\\.[a-z0-9x-]{1,3}){0,4}") {
        let names = [("CODEMODE_ALLOWED_DOMAINS", &text), ("CODEMODE_BLOCKED_DOMAINS", &text)];
        let sources = config::Sources {
            file: None,
            env: &names.map(|(name, text)| (name.to_owned(), text.into())).into(),
            cwd: "/".as_ref(),
            host: Some("127.0.0.1"),
            port: None,
            allow_unauthenticated: false,
        };
        if let Ok(config) = config::load(&sources) {
            prop_assert!(Policy::from_config(&config).is_ok());
        }
    }
}
