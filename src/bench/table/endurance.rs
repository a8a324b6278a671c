//! Two censuses side by side.

use std::fmt::Write as _;

use super::{Table, failures, number};
use crate::bench::{Census, Endurance, Held};

pub fn write(text: &mut String, all: &Endurance) {
    let (runs, name) = (all.runs, all.start.name());
    let _ =
        writeln!(text, "\nEndurance: {runs} runs of one service ({name}) in {:.0} s", all.seconds);
    let (before, after) = (&all.before, &all.after);
    let after_runs = |runs: usize| format!("after {runs}");
    let heads = [after_runs(before.runs), after_runs(after.runs)];
    let mut table = Table::new(&["", &heads[0], &heads[1], "difference"]);
    let medians = [before, after].map(|side| side.times.map(|times| times.p50_ms));
    row(&mut table, "p50 of one caller (ms)", medians, 2);
    for held in names(all) {
        let [one, two] = [before, after].map(|side| find(&side.census, held));
        let figure = |of: fn(&Held) -> Option<f64>| [one.and_then(of), two.and_then(of)];
        row(&mut table, &format!("{held}: resident (MiB)"), figure(|held| held.rss_mib), 2);
        row(&mut table, &format!("{held}: proportional (MiB)"), figure(|held| held.pss_mib), 2);
        row(&mut table, &format!("{held}: descriptors"), figure(|h| count(h.descriptors?)), 0);
        row(&mut table, &format!("{held}: mounts"), figure(|held| count(held.mounts?)), 0);
    }
    let figure = |of: fn(&Census) -> Option<f64>| [of(&before.census), of(&after.census)];
    row(&mut table, "all: proportional (MiB)", figure(|census| census.pss_mib), 2);
    row(&mut table, "all: processes", figure(|census| count(census.processes)), 0);
    row(&mut table, "all: control groups", figure(|census| count(census.cgroups)), 0);
    row(&mut table, "all: namespaces", figure(|census| count(census.namespaces)), 0);
    let namespaces = figure(|census| count(census.namespaces_on_machine));
    row(&mut table, "on the machine: namespaces", namespaces, 0);
    let processes = figure(|census| count(census.processes_on_machine));
    row(&mut table, "on the machine: processes", processes, 0);
    table.write(text);
    for held in names(all) {
        let [one, two] = [before, after].map(|side| find(&side.census, held).map(|held| held.pid));
        if one != two {
            let _ = writeln!(text, "  {held} is another process than before");
        }
    }
    failures(text, &all.failed);
}

fn count(number: usize) -> Option<f64> {
    Some(number as f64)
}

fn find<'a>(census: &'a Census, name: &str) -> Option<&'a Held> {
    census.held.iter().find(|held| held.name == name)
}

/// Of the processes in either census.
fn names(all: &Endurance) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for held in all.before.census.held.iter().chain(&all.after.census.held) {
        if !names.contains(&&*held.name) {
            names.push(&held.name);
        }
    }
    names
}

fn row(table: &mut Table, name: &str, sides: [Option<f64>; 2], digits: usize) {
    let text = |value: Option<f64>| match value {
        Some(value) => format!("{value:.digits$}"),
        None => number(None),
    };
    let difference = match sides {
        [Some(before), Some(after)] => format!("{:+.digits$}", after - before),
        _ => number(None),
    };
    table.row(name, [text(sides[0]), text(sides[1]), difference]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_and_what_lies_between_are_shown() {
        let mut table = Table::new(&["", "a", "b", "difference"]);
        row(&mut table, "memory", [Some(3.5), Some(3.25)], 2);
        row(&mut table, "files", [Some(7.0), Some(9.0)], 0);
        row(&mut table, "mounts", [None, Some(1.0)], 0);
        let mut text = String::new();
        table.write(&mut text);
        let rows: Vec<Vec<&str>> =
            text.lines().skip(1).map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(rows[0], ["memory", "3.50", "3.25", "-0.25"]);
        assert_eq!(rows[1], ["files", "7", "9", "+2"]);
        assert_eq!(rows[2], ["mounts", "none", "1", "none"]);
    }
}
