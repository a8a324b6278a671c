//! What holds of domain lists and of the static checks, whatever the text.

use super::domains::{Decision, DomainPattern, DomainPolicy, Host};

/// The first line is a host as an outsider writes it. The others are the lists: `-` in front blocks.
pub fn domains(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (asked, lists) = text.split_once('\n').unwrap_or((&text, ""));
    let mut policy = DomainPolicy::default();
    for line in lists.lines() {
        let (list, entry) = match line.strip_prefix('-') {
            Some(entry) => (&mut policy.blocked, entry),
            None => (&mut policy.allowed, line),
        };
        if let Ok(pattern) = DomainPattern::parse(entry) {
            let again = DomainPattern::parse(&pattern.to_string());
            assert_eq!(again.as_ref(), Ok(&pattern), "{entry:?}");
            list.push(pattern);
        }
    }
    if let Ok(host) = Host::parse(asked) {
        one_form(asked, &host);
    }
    decision(&policy, asked);
}

/// A host has one form, and none that a resolver would take for another.
fn one_form(asked: &str, host: &Host) {
    let text = host.to_string();
    assert_eq!(Host::parse(&text).as_ref(), Ok(host), "{asked:?}");
    let Host::Name(name) = host else { return };
    assert!(name.len() <= 253 && !name.is_empty(), "{name:?}");
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c);
    assert!(name.chars().all(plain) && !name.ends_with('.'), "{name:?}");
    assert!(
        asked.strip_suffix('.').unwrap_or(asked).eq_ignore_ascii_case(name),
        "{asked:?} became {name:?}"
    );
    let numeric = dns_lookup::AddrInfoHints { flags: libc::AI_NUMERICHOST, ..Default::default() };
    let address = dns_lookup::getaddrinfo(Some(name), None, Some(numeric));
    assert!(address.is_err(), "the resolver takes {name:?} for an address");
}

fn decision(policy: &DomainPolicy, asked: &str) {
    match policy.decide(asked) {
        Decision::Allowed(host) => {
            let text = host.to_string();
            let entries = |list: &[DomainPattern]| list.iter().any(|entry| covers(entry, &text));
            assert!(entries(&policy.allowed) && !entries(&policy.blocked), "{asked:?}");
            let listed =
                |list: &[DomainPattern]| list.iter().any(|entry| entry.to_string() == text);
            assert!(matches!(host, Host::Name(_)) || listed(&policy.allowed), "{asked:?}");
        }
        other if asked.is_ascii() && !asked.starts_with('[') && !asked.ends_with('.') => {
            // Neither capitals nor a dot at the end open a door.
            let dotted = format!("{asked}.");
            for spelling in [asked.to_ascii_uppercase(), dotted] {
                let decided = policy.decide(&spelling);
                assert!(
                    !matches!(decided, Decision::Allowed(_)),
                    "{asked:?}: {other:?}, {spelling:?}"
                );
            }
        }
        _ => {}
    }
}

/// The same question, asked of the texts.
fn covers(entry: &DomainPattern, host: &str) -> bool {
    let entry = entry.to_string();
    match entry.strip_prefix("*.") {
        _ if entry == "*" => true,
        Some(parent) => {
            host.strip_suffix(parent).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
        }
        None => entry == host,
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_kept_inputs_hold() {
        crate::fuzzing::replay("domains", super::domains);
    }
}
