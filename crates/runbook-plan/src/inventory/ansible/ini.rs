//! Inventories of Ansible as INI.

use super::tree::Tree;
use runbook_model::{Code, Diagnostic, Diagnostics, Entry, Node, SourceId, Span, Value};

/// How many hosts one pattern may stand for.
const MOST: usize = 10_000;

/// What a section holds.
enum Section<'t> {
    Hosts(&'t str),
    Vars(&'t str),
    Children(&'t str),
}

/// The groups and hosts of the file.
pub(super) fn read_tree(id: SourceId, text: &str, faults: &mut Diagnostics) -> Tree {
    let mut tree = Tree::default();
    let mut section = Section::Hosts("ungrouped");
    let mut start = 0;
    for whole in text.split_inclusive('\n') {
        let line = Line { id, start, text: whole.trim_end() };
        start += whole.len();
        match line.text.trim_start() {
            "" => {}
            text if text.starts_with(['#', ';']) => {}
            text if text.starts_with('[') && text.trim_end().ends_with(']') && !text.contains(char::is_whitespace) => {
                section = line.section(text, &mut tree, faults).unwrap_or(section);
            }
            _ => line.entry(&section, &mut tree, faults),
        }
    }
    tree
}

struct Line<'t> {
    id: SourceId,
    start: usize,
    text: &'t str,
}

impl<'t> Line<'t> {
    fn span(&self, from: usize, to: usize) -> Span {
        Span::new(self.id, self.start + from, self.start + to)
    }

    fn fault(&self, message: String, help: &str, faults: &mut Diagnostics) {
        faults.push(Diagnostic::error(Code::SYNTAX, self.span(0, self.text.len()), message).help(help));
    }

    fn section(&self, text: &'t str, tree: &mut Tree, faults: &mut Diagnostics) -> Option<Section<'t>> {
        let inner = text.trim_start_matches('[').trim_end_matches(']');
        let section = match inner.split_once(':') {
            None => Section::Hosts(inner),
            Some((group, "vars")) => Section::Vars(group),
            Some((group, "children")) => Section::Children(group),
            Some((_, other)) => {
                let message = format!("a section of Ansible's inventory cannot be `:{other}`");
                self.fault(message, "write `[group]`, `[group:vars]` or `[group:children]`", faults);
                return None;
            }
        };
        let (Section::Hosts(group) | Section::Vars(group) | Section::Children(group)) = section;
        tree.group(group);
        Some(section)
    }

    fn entry(&self, section: &Section<'_>, tree: &mut Tree, faults: &mut Diagnostics) {
        let Some(words) = words(self.text) else {
            return self.fault("a quote is not closed".to_owned(), "close it on the same line", faults);
        };
        match (section, words.split_first()) {
            (_, None) => {}
            // The value is the rest of the line, blanks included.
            (Section::Vars(group), Some(_)) => match self.text.split_once('=') {
                Some((name, value)) => {
                    let from = self.text.len() - value.trim_start().len();
                    let value = unquoted(value.trim());
                    let var = self.variable(name.trim(), value, from, self.text.len());
                    tree.group(group).vars.push(var);
                }
                None => self.fault("a variable has no value".to_owned(), "write `name=value`", faults),
            },
            (Section::Children(group), Some((child, _))) => tree.nest(group, &child.text),
            (Section::Hosts(group), Some((host, rest))) => {
                let vars = rest.iter().filter_map(|word| {
                    let (name, value) = word.text.split_once('=')?;
                    Some(self.variable(name, value.to_owned(), word.from, word.to))
                });
                let mut vars: Vec<Entry> = vars.collect();
                if vars.len() < rest.len() {
                    return self.fault("a host is followed by variables".to_owned(), "write `name=value`", faults);
                }
                let (pattern, port) = with_port(&host.text);
                vars.extend(port.map(|port| self.variable("ansible_port", port.to_owned(), host.from, host.to)));
                for name in expanded(pattern) {
                    tree.put(group, &name, self.span(host.from, host.to), vars.clone());
                }
            }
        }
    }

    fn variable(&self, name: &str, value: String, from: usize, to: usize) -> Entry {
        let span = self.span(from, to);
        Entry { key: name.to_owned(), key_span: span, value: Node::new(span, Value::String(value)) }
    }
}

/// `host:5309`; a colon within brackets is part of a pattern, and several are an address of IPv6.
fn with_port(text: &str) -> (&str, Option<&str>) {
    match text.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
            let is_port = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
            if is_port { (host, Some(port)) } else { (text, None) }
        }
        _ => (text, None),
    }
}

/// The hosts that a pattern such as `web[01:50].example.com`, `db-[a:f]` or `n[1:9:2]` stands for; itself if it is none.
pub(super) fn expanded(pattern: &str) -> Vec<String> {
    let range = pattern.split_once('[').and_then(|(before, rest)| Some((before, rest.split_once(']')?)));
    let Some((before, (range, after))) = range else { return vec![pattern.to_owned()] };
    let Some(middles) = range_of(range) else { return vec![pattern.to_owned()] };
    let ends = expanded(after);
    let all = middles.iter().flat_map(|middle| ends.iter().map(move |end| format!("{before}{middle}{end}")));
    all.take(MOST).collect()
}

fn range_of(text: &str) -> Option<Vec<String>> {
    let mut parts = text.split(':');
    let (from, to, step) = (parts.next()?, parts.next()?, parts.next().unwrap_or("1"));
    let step: usize = step.parse().ok().filter(|step| *step > 0)?;
    if let (Ok(first), Ok(last)) = (from.parse::<u32>(), to.parse::<u32>()) {
        // A leading zero says how wide every number is.
        let width = if from.starts_with('0') { from.len() } else { 0 };
        return Some((first..=last).step_by(step).take(MOST).map(|number| format!("{number:0width$}")).collect());
    }
    let letter = |text: &str| text.chars().next().filter(|c| c.is_ascii_alphabetic() && text.len() == 1);
    let letters = letter(from)?..=letter(to)?;
    Some(letters.step_by(step).map(String::from).collect())
}

/// The words of `text` as a shell splits them.
pub(super) fn shell_words(text: &str) -> Option<Vec<String>> {
    Some(words(text)?.into_iter().map(|word| word.text).collect())
}

struct Word {
    text: String,
    from: usize,
    to: usize,
}

/// The words of a line as a shell splits them, up to a `#` that begins a word; `None` if a quote is not closed.
fn words(line: &str) -> Option<Vec<Word>> {
    let mut words: Vec<Word> = Vec::new();
    let mut open: Option<Word> = None;
    let mut quote: Option<char> = None;
    for (at, c) in line.char_indices() {
        match (quote, c) {
            (Some(end), c) if c == end => quote = None,
            (None, '#') if open.is_none() => break,
            (None, c) if c.is_whitespace() => words.extend(open.take().map(|word| Word { to: at, ..word })),
            (quoted, c) => {
                let word = open.get_or_insert_with(|| Word { text: String::new(), from: at, to: line.len() });
                match (quoted, c) {
                    (None, '\'' | '"') => quote = Some(c),
                    _ => word.text.push(c),
                }
            }
        }
    }
    words.extend(open);
    quote.is_none().then_some(words)
}

fn unquoted(value: &str) -> String {
    let inner = |quote: char| value.strip_prefix(quote)?.strip_suffix(quote);
    inner('"').or_else(|| inner('\'')).unwrap_or(value).to_owned()
}
