//! How much longer than usual everything may take: on a slow machine, such as an emulated one, cases would
//! fail for its slowness and not for a wall.

use std::str::FromStr;
use std::time::Duration;

use serde::Serialize;

use super::corpus::Case;
use crate::config::parse_seconds;
use crate::policy::Limits;

/// By what the time allowed of every case and every wait of a proof's own are multiplied.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Patience(f64);

/// With more a service would refuse what comes of its own limit of 30 s: it grants 300.
const MOST: f64 = 10.0;

impl Default for Patience {
    fn default() -> Self {
        Self(1.0)
    }
}

impl FromStr for Patience {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let factor = text.parse().ok().filter(|factor| (1.0..=MOST).contains(factor));
        factor.map(Self).ok_or_else(|| format!("give a factor from 1 to {MOST}, such as 4 or 1.5"))
    }
}

impl Patience {
    /// What becomes of a time.
    #[must_use]
    pub fn times(self, time: Duration) -> Duration {
        time.mul_f64(self.0)
    }

    /// The factor.
    #[must_use]
    pub fn factor(self) -> f64 {
        self.0
    }

    /// Whether anything is multiplied.
    #[must_use]
    pub fn is_more(self) -> bool {
        self.0 > 1.0
    }

    /// The case with more time for its answer and its run. Limits that it doesn't set are set `here`, where runs
    /// are ours to limit.
    #[must_use]
    pub fn allow(self, mut case: Case, here: bool) -> Case {
        case.header.within = self.times(case.header.within);
        let flags = &mut case.header.flags;
        for (name, default) in self.limits() {
            match flags.iter().position(|flag| flag == name) {
                Some(at) => {
                    if let Some(value) = flags.get_mut(at + 1)
                        && let Some(time) = parse_seconds(value)
                    {
                        *value = seconds(self.times(time));
                    }
                }
                None if here => flags.extend([name.to_owned(), seconds(default)]),
                None => {}
            }
        }
        case
    }

    /// Flags of an honest run: its limits are longer, too.
    #[must_use]
    pub fn flags(self) -> Vec<String> {
        let limits = self.limits();
        limits.flat_map(|(name, time)| [name.to_owned(), seconds(time)]).collect()
    }

    /// The same as settings of a service.
    #[must_use]
    pub fn settings(self) -> Vec<(&'static str, String)> {
        let limit = |(name, time)| match name {
            TIMEOUT => ("CODEMODE_CODE_TIMEOUT", seconds(time)),
            _ => ("CODEMODE_CPU_TIME", seconds(time)),
        };
        self.limits().map(limit).collect()
    }

    /// The default limits of time, multiplied; none if that changes nothing.
    fn limits(self) -> impl Iterator<Item = (&'static str, Duration)> {
        let default = Limits::default();
        let limits = [(TIMEOUT, default.wall_time), ("--cpu-time", default.cpu_time)];
        limits.into_iter().filter(move |_| self.is_more()).map(move |(n, t)| (n, self.times(t)))
    }
}

const TIMEOUT: &str = "--timeout";

/// Whole ones, for a service takes no others.
fn seconds(time: Duration) -> String {
    format!("{:.0}", time.as_secs_f64().ceil())
}

#[cfg(test)]
mod tests {
    use super::super::corpus::Family;
    use super::super::header;
    use super::*;

    fn case(flags: &str) -> Case {
        let text = format!("\"\"\"Waits.\"\"\"\n# walls: root\n# run: {flags}\n# within: 5\n");
        Case {
            name: "lifetime/waits".to_owned(),
            family: Family::Lifetime,
            header: header::parse(&text).unwrap(),
            source: text,
        }
    }

    fn patience(text: &str) -> Patience {
        text.parse().unwrap()
    }

    #[test]
    fn every_time_of_a_case_is_multiplied_and_nothing_else() {
        let allowed = patience("2.5").allow(case("--timeout 3 --memory 64M"), true);
        assert_eq!(allowed.header.within, Duration::from_millis(12_500));
        let flags = ["--timeout", "8", "--memory", "64M", "--cpu-time", "150"];
        assert_eq!(allowed.header.flags, flags);
        let allowed = patience("4").allow(case("--cpu-time 0.5"), true);
        assert_eq!(allowed.header.flags, ["--cpu-time", "2", "--timeout", "120"]);
    }

    #[test]
    fn a_service_elsewhere_keeps_the_limits_that_a_case_does_not_set() {
        let allowed = patience("3").allow(case("--timeout 4"), false);
        assert_eq!(allowed.header.flags, ["--timeout", "12"]);
        assert_eq!(allowed.header.within, Duration::from_secs(15));
    }

    #[test]
    fn without_it_a_case_is_as_it_was() {
        let as_it_was = case("--timeout 0.5 --memory 64M");
        let allowed = Patience::default().allow(as_it_was.clone(), true);
        assert_eq!(allowed.header.flags, as_it_was.header.flags);
        assert_eq!(allowed.header.within, as_it_was.header.within);
        assert_eq!(patience("1"), Patience::default());
        assert!(Patience::default().flags().is_empty());
        assert!(Patience::default().settings().is_empty());
    }

    #[test]
    fn a_factor_makes_nothing_stricter_and_no_limit_that_a_service_refuses() {
        for wrong in ["0.5", "0", "-2", "11", "nan", "inf", "much", ""] {
            assert!(wrong.parse::<Patience>().is_err(), "{wrong}");
        }
        let most = patience("10");
        assert_eq!(most.settings()[0], ("CODEMODE_CODE_TIMEOUT", "300".to_owned()));
        assert_eq!(most.flags(), ["--timeout", "300", "--cpu-time", "600"]);
    }
}
