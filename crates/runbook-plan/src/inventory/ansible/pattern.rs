//! Patterns of hosts, such as `web[01:50].example.com`, `db-[a:f]`, `n[1:9:2]`, and `host:5309`.

use super::tree::Tree;
use runbook_model::{Code, Diagnostic, Diagnostics, Entry, Node, Span, Value};

/// How many hosts one pattern may stand for.
const MOST: usize = 10_000;
/// How long a pattern may be: more than twice a name.
const LONGEST: usize = 512;
/// How many ranges a pattern may have.
const RANGES: usize = 8;
/// How many digits an end of a range may have.
const DIGITS: usize = 9;
/// Ansible's order of letters.
const LETTERS: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

/// Puts the hosts of a pattern into a group. A port behind them counts less than `vars`. A range that stands for no host
/// is a fault, and so is one that stands for too many.
pub(super) fn put(
    tree: &mut Tree,
    group: &str,
    (text, span): (&str, Span),
    vars: Vec<Entry>,
    faults: &mut Diagnostics,
) {
    let (pattern, port) = with_port(text);
    let port = port.map(|port| Entry {
        key: "ansible_port".to_owned(),
        key_span: span,
        value: Node::new(span, Value::String(port.to_owned())),
    });
    let vars: Vec<Entry> = port.into_iter().chain(vars).collect();
    match expanded(pattern) {
        Ok(names) => names.iter().for_each(|name| tree.put(group, name, span, &vars, faults)),
        Err(message) => {
            let help = "a range is written `web[01:50]` or `db-[a:f]`";
            faults.push(Diagnostic::error(Code::SYNTAX, span, message).help(help));
        }
    }
}

/// A colon within brackets is part of a range, and several outside of them are an address of IPv6.
fn with_port(text: &str) -> (&str, Option<&str>) {
    let mut within = false;
    let mut colons = text.char_indices().filter(|(_, c)| {
        within = *c == '[' || within && *c != ']';
        *c == ':' && !within
    });
    let (Some((at, _)), None) = (colons.next(), colons.next()) else { return (text, None) };
    let (host, port) = (text.get(..at).unwrap_or(text), text.get(at + 1..).unwrap_or(""));
    if port.is_empty() || !port.bytes().all(|byte| byte.is_ascii_digit()) {
        return (text, None);
    }
    let inner = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    (inner.filter(|inner| !inner.contains(['[', ']'])).unwrap_or(host), Some(port))
}

fn expanded(pattern: &str) -> Result<Vec<String>, String> {
    if !pattern.contains('[') {
        return Ok(vec![pattern.to_owned()]);
    }
    if pattern.len() > LONGEST {
        return Err(format!("a pattern of hosts has {} characters, and {LONGEST} are the most", pattern.len()));
    }
    let mut names = vec![String::new()];
    let mut rest = pattern;
    for _ in 0..=RANGES {
        let Some((before, after)) = rest.split_once('[') else {
            names.iter_mut().for_each(|name| name.push_str(rest));
            return Ok(names);
        };
        let Some((range, after)) = after.split_once(']') else {
            return Err(format!("the `[` of `{pattern}` is not closed"));
        };
        let middles = members(range).map_err(|why| format!("`[{range}]` {why}"))?;
        if middles.len().saturating_mul(names.len()) > MOST {
            return Err(format!("`{pattern}` stands for more than {MOST} hosts"));
        }
        let longer = |name: &String| middles.iter().map(|middle| format!("{name}{before}{middle}")).collect::<Vec<_>>();
        names = names.iter().flat_map(longer).collect();
        rest = after;
    }
    Err(format!("`{pattern}` has more than {RANGES} ranges"))
}

/// What stands for each member of `range`, in order.
fn members(range: &str) -> Result<Vec<String>, &'static str> {
    let parts: Vec<&str> = range.split(':').collect();
    let (from, to, step) = match parts[..] {
        [from, to] => (from, to, "1"),
        [from, to, step] => (from, to, step),
        _ => return Err("is no range"),
    };
    let step = number(step).filter(|step| *step > 0).ok_or("has a step that is no number above 0")?;
    if let (Some(first), Some(last)) = (letter(from), letter(to)) {
        let places = counted(first, last, step)?;
        return Ok(places.filter_map(|at| LETTERS.get(at..=at)).map(str::to_owned).collect());
    }
    let from = if from.is_empty() { "0" } else { from };
    let (Some(first), Some(last)) = (number(from), number(to)) else {
        return Err("does not lead from a number to a number or from a letter to a letter");
    };
    // A leading zero says how wide every number is.
    let width = if from.starts_with('0') && from.len() > 1 { from.len() } else { 0 };
    if width > 0 && width != to.len() {
        return Err("has ends of which one is wider than the other");
    }
    Ok(counted(first, last, step)?.map(|number| format!("{number:0width$}")).collect())
}

fn counted(first: usize, last: usize, step: usize) -> Result<impl Iterator<Item = usize>, &'static str> {
    if first > last {
        return Err("ends before it begins, and stands for no host");
    }
    // One more than may be, so that the count shows it.
    Ok((first..=last).step_by(step).take(MOST + 1))
}

fn letter(text: &str) -> Option<usize> {
    LETTERS.find(text).filter(|_| text.len() == 1)
}

fn number(text: &str) -> Option<usize> {
    let sound = text.len() <= DIGITS && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| sound)
}
