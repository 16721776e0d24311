//! Inventories of Ansible as INI.

use super::pattern;
use super::tree::{Tree, UNGROUPED};
use runbook_model::{Code, Diagnostic, Diagnostics, Entry, Node, SourceId, Span, Value};

/// What a section holds.
enum Section<'t> {
    Hosts(&'t str),
    Vars(&'t str),
    Children(&'t str),
}

/// The groups and hosts of the file.
pub(super) fn read_tree(id: SourceId, text: &str, faults: &mut Diagnostics) -> Tree {
    let mut tree = Tree::new(id);
    let mut section = Section::Hosts(UNGROUPED);
    let mut start = 0;
    for whole in text.split_inclusive('\n') {
        let line = Line { id, start, text: whole.trim_end() };
        start += whole.len();
        match line.text.trim_start() {
            "" => {}
            text if text.starts_with(['#', ';']) => {}
            text if text.contains(|c: char| c.is_control() && c != '\t') => {
                line.fault("the line has a control character".to_owned(), "remove it", faults);
            }
            text => match header(text) {
                Some(inner) => section = line.section(inner, &mut tree, faults).unwrap_or(section),
                None => line.entry(&section, &mut tree, faults),
            },
        }
    }
    tree
}

/// What stands between the brackets of a section's line. Behind them may be a remark; anything else is a pattern of hosts.
fn header(text: &str) -> Option<&str> {
    let (inner, after) = text.strip_prefix('[')?.split_once(']')?;
    let after = after.trim_start();
    (after.is_empty() || after.starts_with('#')).then_some(inner)
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

    fn section(&self, inner: &'t str, tree: &mut Tree, faults: &mut Diagnostics) -> Option<Section<'t>> {
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
        if group.is_empty() || group.contains(char::is_whitespace) {
            let message = format!("`{group}` cannot be the name of a group");
            self.fault(message, "a group of this format has a name without blanks", faults);
            return None;
        }
        tree.group(group, self.span(0, self.text.len()));
        Some(section)
    }

    fn entry(&self, section: &Section<'_>, tree: &mut Tree, faults: &mut Diagnostics) {
        if let Section::Vars(group) = section {
            return self.group_variable(group, tree, faults);
        }
        let Some(words) = words(self.text) else {
            return self.fault("a quote is not closed".to_owned(), "close it on the same line", faults);
        };
        match (section, words.split_first()) {
            (Section::Children(group), Some((child, _))) => {
                tree.nest(group, &child.text, self.span(child.from, child.to));
            }
            (Section::Hosts(group), Some((host, rest))) => self.hosts(group, host, rest, tree, faults),
            (_, None) | (Section::Vars(_), _) => {}
        }
    }

    /// The value is the rest of the line, blanks included.
    fn group_variable(&self, group: &str, tree: &mut Tree, faults: &mut Diagnostics) {
        let Some((name, value)) = self.text.split_once('=') else {
            return self.fault("a variable has no value".to_owned(), "write `name=value`", faults);
        };
        let from = self.text.len() - value.trim_start().len();
        let var = self.variable(name.trim(), literal(value.trim()), from, self.text.len());
        tree.set(group, var, faults);
    }

    fn hosts(&self, group: &str, host: &Word, rest: &[Word], tree: &mut Tree, faults: &mut Diagnostics) {
        let written = rest.iter().filter_map(|word| {
            let (name, value) = word.text.split_once('=')?;
            Some(self.variable(name, value.to_owned(), word.from, word.to))
        });
        let written: Vec<Entry> = written.collect();
        if written.len() < rest.len() {
            return self.fault("a host is followed by variables".to_owned(), "write `name=value`", faults);
        }
        let span = self.span(host.from, host.to);
        pattern::put(tree, group, (&host.text, span), written, faults);
    }

    fn variable(&self, name: &str, value: String, from: usize, to: usize) -> Entry {
        let span = self.span(from, to);
        Entry { key: name.to_owned(), key_span: span, value: Node::new(span, Value::String(value)) }
    }
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

/// What Ansible takes for the value: a quoted text or a number without a remark behind it, or else everything.
fn literal(value: &str) -> String {
    let unquoted = |text: &str| {
        let quote = text.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
        let inner = text.strip_prefix(quote)?.strip_suffix(quote)?;
        (!inner.contains(quote)).then(|| inner.to_owned())
    };
    let before_remark = value.split('#').next().unwrap_or(value).trim_end();
    let number = || before_remark.parse::<i64>().ok().map(|_| before_remark.to_owned());
    unquoted(value).or_else(|| unquoted(before_remark)).or_else(number).unwrap_or_else(|| value.to_owned())
}
