//! From text to values. Each function is pure and returns `None` for text that is not accepted.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

/// A whole number. A trailing `.0` is accepted because YAML writers produce it.
pub(super) fn whole(text: &str) -> Option<u64> {
    digits(text.strip_suffix(".0").unwrap_or(text))
}

fn digits(text: &str) -> Option<u64> {
    // `parse` alone would take a leading plus sign.
    let all_digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    all_digits.then(|| text.parse().ok()).flatten()
}

/// A size in bytes: digits, then optionally K, M, G or T, also as KB or KiB; always binary.
pub(super) fn size(text: &str) -> Option<u64> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let shift = match unit.trim_start().to_ascii_lowercase().as_str() {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 10,
        "m" | "mb" | "mib" => 20,
        "g" | "gb" | "gib" => 30,
        "t" | "tb" | "tib" => 40,
        _ => return None,
    };
    digits(number)?.checked_mul(1 << shift)
}

/// A size as people write it: the largest unit that divides it.
pub(super) fn show_size(bytes: u64) -> String {
    for (shift, unit) in [(40, "T"), (30, "G"), (20, "M"), (10, "K")] {
        if bytes > 0 && bytes.trailing_zeros() >= shift {
            return format!("{}{unit}", bytes >> shift);
        }
    }
    bytes.to_string()
}

/// Seconds, possibly with a fraction.
pub(super) fn seconds(text: &str) -> Option<Duration> {
    // Refuses `nan`, `inf` and signs before the conversion sees them.
    let plain = text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'-'));
    plain.then(|| text.parse().ok().and_then(|s| Duration::try_from_secs_f64(s).ok())).flatten()
}

/// A share of a whole, from 0 to 1.
pub(super) fn ratio(text: &str) -> Option<f64> {
    seconds(text).map(|number| number.as_secs_f64()).filter(|number| *number <= 1.0)
}

/// A yes or no in the words that environment files use.
pub(super) fn boolean(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Some(true),
        "false" | "0" | "no" | "off" => Some(false),
        _ => None,
    }
}

/// The items of a comma-separated text, trimmed, empty ones dropped.
pub(super) fn comma_list(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
}

/// A name without spaces and control characters: a command or a wall.
pub(super) fn word(text: &str) -> Option<String> {
    let clean = !text.is_empty() && !text.chars().any(|c| c.is_whitespace() || c.is_control());
    clean.then(|| text.to_owned())
}

/// A module's dotted name, as `import` has it, of Python's letters only those of ASCII: it is shown, and
/// sent about.
pub(super) fn module(text: &str) -> Option<String> {
    const LONGEST: usize = 128;
    let identifier = |part: &str| {
        part.bytes().next().is_some_and(|first| !first.is_ascii_digit())
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    };
    (text.len() <= LONGEST && text.split('.').all(identifier)).then(|| text.to_owned())
}

/// A path or program name.
pub(super) fn path(text: &str) -> Option<String> {
    (!text.is_empty() && !text.chars().any(char::is_control)).then(|| text.to_owned())
}

/// An absolute path without `..`, which could point elsewhere than it reads.
pub(super) fn absolute_path(text: &str) -> Option<String> {
    path(text).filter(|p| p.starts_with('/') && !p.split('/').any(|part| part == ".."))
}

/// An API key. It travels in an HTTP header, so it must be visible ASCII, with spaces only inside.
pub(super) fn api_key(text: &str) -> Option<String> {
    let trimmed = text.trim() == text;
    let plain = text.bytes().all(|b| matches!(b, b' '..=b'~'));
    (!text.is_empty() && trimmed && plain).then(|| text.to_owned())
}

/// An address or host name to listen on; brackets around IPv6 are taken off.
pub(super) fn host(text: &str) -> Option<String> {
    if let Some(inner) = text.strip_prefix('[') {
        let inner = inner.strip_suffix(']')?;
        return inner.parse::<Ipv6Addr>().ok().map(|_| inner.to_owned());
    }
    if text.parse::<IpAddr>().is_ok() {
        return Some(text.to_owned());
    }
    // Digits and dots that are no address are a mistyped address, not a name.
    (is_host_name(text) && text.bytes().any(|b| b.is_ascii_alphabetic())).then(|| text.to_owned())
}

/// Whether only this machine can reach a listener on `host`.
pub(super) fn is_loopback(host: &str) -> bool {
    match host.parse::<IpAddr>() {
        Ok(address) => address.to_canonical().is_loopback(),
        Err(_) => host.eq_ignore_ascii_case("localhost"),
    }
}

/// `host:port` of the main application; a scheme and trailing slashes are taken off.
pub(super) fn target(text: &str) -> Option<String> {
    let rest =
        ["https://", "http://"].iter().find_map(|scheme| text.strip_prefix(scheme)).unwrap_or(text);
    let rest = rest.trim_end_matches('/');
    let (name, port) = rest.rsplit_once(':')?;
    let port = digits(port).filter(|p| (1..=65_535).contains(p))?;
    // A colon in the name is an IPv6 address, which needs its brackets to be told from the port.
    if name.contains(':') && !name.starts_with('[') {
        return None;
    }
    let bare = host(name)?;
    Some(if bare.contains(':') { format!("[{bare}]:{port}") } else { format!("{bare}:{port}") })
}

/// The address of a collector: a scheme, an authority, and nothing that could hold a secret.
pub(super) fn endpoint(text: &str) -> Option<String> {
    let uri: http::Uri = text.parse().ok()?;
    let (scheme, authority) = (uri.scheme_str()?, uri.authority()?.as_str());
    let plain = matches!(scheme, "http" | "https") && !authority.contains('@');
    (plain && uri.query().is_none()).then(|| text.to_owned())
}

/// A name that is shown elsewhere.
pub(super) fn name(text: &str) -> Option<String> {
    let plain = text.bytes().all(|b| matches!(b, b' '..=b'~'));
    (plain && (1..=100).contains(&text.len())).then(|| text.to_owned())
}

/// A domain, lower-cased, optionally with `*.` in front.
pub(super) fn domain(text: &str) -> Option<String> {
    let lower = text.to_ascii_lowercase();
    let name = lower.strip_prefix("*.").unwrap_or(&lower);
    // A name whose last label is a number is an address to some resolvers, and allows nothing.
    let last = name.rsplit('.').next().unwrap_or(name);
    let digits = last.strip_prefix("0x").map(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit()));
    let is_number = digits.unwrap_or_else(|| last.bytes().all(|b| b.is_ascii_digit()));
    if is_number && lower.parse::<Ipv4Addr>().is_err() {
        return None;
    }
    // Underscores occur in service names and containers, but not in names one asks a browser for.
    (is_host_name(name) && !name.contains('_')).then_some(lower)
}

/// RFC 1123 names: labels of 1 to 63 letters, digits and inner hyphens, 253 in all. Container networks add `_`.
pub(super) fn is_host_name(text: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
    };
    text.len() <= 253 && text.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_binary_in_every_spelling() {
        for text in ["524288", "512K", "512k", "512KB", "512KiB", "512 kib", "524288B"] {
            assert_eq!(size(text), Some(512 << 10), "{text}");
        }
        assert_eq!(size("1T"), Some(1 << 40));
        for text in ["", "K", "1.5G", "-1", "+1", "1KK", "1P", "99999999999999999999", "16777216T"]
        {
            assert_eq!(size(text), None, "{text}");
        }
    }

    #[test]
    fn sizes_are_shown_in_the_largest_unit_that_fits() {
        let shown = [0, 1, 1023, 1024, 1 << 20, 3 << 29, 1 << 40].map(show_size);
        assert_eq!(shown, ["0", "1", "1023", "1K", "1M", "1536M", "1T"]);
    }

    #[test]
    fn whole_numbers_and_seconds() {
        assert_eq!(whole("30"), Some(30));
        assert_eq!(whole("30.0"), Some(30));
        assert!(["", "-1", "+1", "1e3", "30.5", "x"].iter().all(|t| whole(t).is_none()));
        assert_eq!(seconds("0.25"), Some(Duration::from_millis(250)));
        assert!(["", "nan", "inf", "-1", "1e999", "1s"].iter().all(|t| seconds(t).is_none()));
    }

    #[test]
    fn booleans_in_any_case_and_nothing_else() {
        assert!(["true", "1", "YES", "On"].iter().all(|t| boolean(t) == Some(true)));
        assert!(["FALSE", "0", "no", "oFF"].iter().all(|t| boolean(t) == Some(false)));
        assert!(["", "2", "y", "enabled"].iter().all(|t| boolean(t).is_none()));
    }

    #[test]
    fn targets_need_a_host_and_a_port() {
        for (text, want) in [
            ("app:50051", "app:50051"),
            ("http://app:1/", "app:1"),
            ("https://my_app.local:65535//", "my_app.local:65535"),
            ("[::1]:50051", "[::1]:50051"),
            ("10.0.0.1:5", "10.0.0.1:5"),
        ] {
            assert_eq!(target(text).as_deref(), Some(want), "{text}");
        }
        for text in [
            "",
            "app",
            "app:",
            ":50051",
            "app:0",
            "app:65536",
            "app:x",
            "a b:1",
            "::1:50051",
            "dns:///app:1",
            "http://u:p@app:1",
            "app:1/path",
            "300.1.1.1:5",
        ] {
            assert_eq!(target(text), None, "{text}");
        }
    }

    #[test]
    fn hosts_and_loopback() {
        assert_eq!(host("[::]").as_deref(), Some("::"));
        assert!(["0.0.0.0", "::1", "localhost", "sidecar-1"].iter().all(|t| host(t).is_some()));
        assert!(
            ["", "http://x", "x:1", "[::1", "256.0.0.1", "a..b"].iter().all(|t| host(t).is_none())
        );
        assert!(
            ["127.0.0.1", "127.9.9.9", "::1", "LocalHost", "::ffff:127.0.0.1"]
                .iter()
                .all(|h| is_loopback(h))
        );
        assert!(["0.0.0.0", "::", "10.0.0.1", "localhost.example"].iter().all(|h| !is_loopback(h)));
    }

    #[test]
    fn domains_are_lower_cased_names() {
        assert_eq!(domain("*.Example.COM").as_deref(), Some("*.example.com"));
        assert!(["pypi.org", "localhost", "192.0.2.1"].iter().all(|t| domain(t).is_some()));
        for text in [
            "",
            "*",
            "*.",
            "https://a.b",
            "a.b:443",
            "a.b/c",
            "a.*.b",
            "-a.b",
            "a b",
            "a.1",
            "127.1",
            "a.0x7f",
            "*.192.0.2.1",
        ] {
            assert_eq!(domain(text), None, "{text}");
        }
    }

    #[test]
    fn modules_are_dotted_identifiers() {
        for text in ["numpy", "concurrent.futures", "_a", "a1.b_2", &"m".repeat(128)] {
            assert_eq!(module(text).as_deref(), Some(text));
        }
        let bad =
            ["", ".", "a.", ".a", "a..b", "1a", "a.1b", "a-b", "a b", "a;b", "a/b", "é", "a\n"];
        assert!(bad.iter().all(|text| module(text).is_none()));
        assert_eq!(module(&"m".repeat(129)), None);
    }

    #[test]
    fn keys_and_paths() {
        assert!(["k", "a b", "x~!"].iter().all(|t| api_key(t).is_some()));
        assert!(["", " k", "k\n", "a\tb", "ключ"].iter().all(|t| api_key(t).is_none()));
        assert!(absolute_path("/srv/out").is_some());
        assert!(["out", "/srv/../etc", "", "/a\0b"].iter().all(|t| absolute_path(t).is_none()));
    }
}
