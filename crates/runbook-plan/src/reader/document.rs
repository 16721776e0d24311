//! From a raw document to nodes: exact spans, and every fault of keys at once. This is the general way; documents in
//! which nothing is unusual are read by `plain`.

use super::fault;
use super::limits::{FEW_KEYS, MAX_BYTES, MAX_DEPTH, MAX_NODES};
use super::odd;
use super::places::{container, span_of};
use super::plain;
use super::raw::Raw;
use runbook_model::{Code, Diagnostic, Entry, Later, Node, SourceId, Span, Value};
use serde_saphyr::options::{DuplicateKeyPolicy, MergeKeyPolicy, NonFiniteFloatPolicy};
use serde_saphyr::{Location, Options, Spanned};
use std::collections::HashMap;

/// Reads the one YAML document in `text`.
///
/// Spans are byte offsets into `text`. Repeated keys, keys that are not text and merge keys are reported, all of them;
/// the tree is there as long as the YAML itself is well-formed and no character that
/// cannot be seen is part of a key. Only `true` and `false` are booleans.
pub fn read(source: SourceId, text: &str) -> (Option<Node>, Vec<Diagnostic>) {
    if text.len() > MAX_BYTES {
        return (None, vec![fault::too_large(source)]);
    }
    if let Some(fault) = odd::lone_return(source, text) {
        return (None, vec![fault]);
    }
    let (root, faults) = match plain::read(source, text) {
        Some(root) => (Some(root), Vec::new()),
        None => with_care(source, text),
    };
    match root.as_ref().and_then(|root| odd::in_tree(source, text, root)) {
        // The tree is not what its author sees, and everything else would be said about that one.
        Some(fault) => (None, vec![fault]),
        None => (root, faults),
    }
}

/// Reads every document, and finds out what is wrong with it.
pub(super) fn with_care(source: SourceId, text: &str) -> (Option<Node>, Vec<Diagnostic>) {
    match serde_saphyr::from_str_with_options::<Spanned<Raw>>(text, options()) {
        Ok(raw) => {
            let mut reader = Reader { source, text, faults: Vec::new(), was_template: false };
            let node = reader.node(raw);
            (Some(node), reader.faults)
        }
        Err(error) => {
            let again = |text: &str| serde_saphyr::from_str_with_options::<Spanned<Raw>>(text, options()).map(drop);
            let odd = odd::cause(source, text, &error, &again);
            (None, vec![odd.unwrap_or_else(|| fault::diagnostic(source, text, &error))])
        }
    }
}

fn options() -> Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: MAX_DEPTH,
            flow_nesting_limit: MAX_DEPTH,
            max_nodes: MAX_NODES,
            max_events: 3_000_000,
            max_total_scalar_bytes: MAX_BYTES,
            max_documents: 2,
            enforce_alias_anchor_ratio: false,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: 20_000,
            max_replay_stack_depth: 16,
        },
        duplicate_keys: DuplicateKeyPolicy::LastWins,
        merge_keys: MergeKeyPolicy::AsOrdinary,
        strict_booleans: true,
        reject_unsupported_tags: true,
        non_finite_float_policy: NonFiniteFloatPolicy::AsString,
        with_snippet: false,
    }
}

struct Reader<'t> {
    source: SourceId,
    text: &'t str,
    faults: Vec<Diagnostic>,
    /// The map that was read last is an unquoted template.
    was_template: bool,
}

impl Reader<'_> {
    fn node(&mut self, raw: Spanned<Raw>) -> Node {
        let aliased = raw.referenced != raw.defined;
        let place = self.place(&raw.referenced);
        match raw.value {
            Raw::Null => Node::new(place, Value::Null),
            Raw::Bool(value) => Node::new(place, Value::Bool(value)),
            Raw::Int(value) => Node::new(place, Value::Int(value)),
            Raw::Float(value) => Node::new(place, Value::Float(value)),
            Raw::Text(value) => Node::new(place, Value::String(value)),
            Raw::Big => {
                let message = "the number is larger than 9223372036854775807";
                self.faults.push(Diagnostic::error(Code::OUT_OF_RANGE, place, message).help("quote it if it is text"));
                Node::new(place, Value::Null)
            }
            Raw::List(items) => {
                let items: Vec<Node> = items.into_iter().map(|item| self.node(item)).collect();
                let last = items.last().map(|item| item.span);
                Node::new(self.container(place, last, aliased), Value::List(items))
            }
            Raw::Map(entries) => {
                let entries = self.entries(entries);
                let last = entries.last().map(|entry| entry.value.span);
                let span = self.container(place, last, aliased);
                if std::mem::take(&mut self.was_template) {
                    // Waits for nothing: nothing else is said about it.
                    return Node::new(span, Value::Later(Later { template: String::new(), waits_for: Vec::new() }));
                }
                Node::new(span, Value::Map(entries))
            }
        }
    }

    fn entries(&mut self, raw: Vec<(Spanned<Raw>, Spanned<Raw>)>) -> Vec<Entry> {
        let mut entries: Vec<Entry> = Vec::with_capacity(raw.len());
        let mut index: HashMap<String, Span> = HashMap::new();
        for (key, value) in raw {
            let key_span = self.place(&key.referenced);
            let value = self.node(value);
            let Some(key) = self.key(key.value, key_span) else { continue };
            let first = match entries.len() {
                ..=FEW_KEYS => entries.iter().find(|entry| entry.key == key).map(|entry| entry.key_span),
                _ => {
                    if index.is_empty() {
                        index.extend(entries.iter().map(|entry| (entry.key.clone(), entry.key_span)));
                    }
                    index.get(&key).copied()
                }
            };
            match first {
                Some(first) => self.faults.push(
                    Diagnostic::error(Code::DUPLICATE_KEY, key_span, format!("`{key}` stands twice in this map"))
                        .related(first, "it stands here first")
                        .help("remove one of the two"),
                ),
                None => {
                    if !index.is_empty() {
                        index.insert(key.clone(), key_span);
                    }
                    entries.push(Entry { key, key_span, value });
                }
            }
        }
        entries
    }

    fn key(&mut self, raw: Raw, span: Span) -> Option<String> {
        let message = match raw {
            Raw::Map(_) if self.text.get(..span.start as usize).is_some_and(|before| before.ends_with('{')) => {
                self.was_template = true;
                self.faults.push(
                    Diagnostic::error(Code::SYNTAX, span, "YAML reads an unquoted `{{` as a map inside a map")
                        .help("quote the value: \"{{ vars.x }}\""),
                );
                return None;
            }
            Raw::Text(key) if key == "<<" => {
                self.faults.push(
                    Diagnostic::error(Code::SYNTAX, span, "merge keys `<<` are not part of the plan language")
                        .help("write the fields out, so that a reviewer reads what the plan does"),
                );
                return None;
            }
            Raw::Text(key) => return Some(key),
            Raw::Null => "a key is missing",
            Raw::List(_) | Raw::Map(_) => "a key has to be text, and this is a list or a map",
            Raw::Bool(_) => "a key has to be text, and this is a boolean",
            Raw::Int(_) | Raw::Big | Raw::Float(_) => "a key has to be text, and this is a number",
        };
        let help = if message.ends_with("map") { None } else { self.quote_help(span) };
        self.faults.push(Diagnostic::error(Code::WRONG_TYPE, span, message).maybe_help(help));
        None
    }

    fn quote_help(&self, span: Span) -> Option<String> {
        let text = self.text.get(span.start as usize..span.end as usize)?.trim();
        (!text.is_empty() && text.len() < 40 && !text.contains('\n')).then(|| format!("quote it: \"{text}\""))
    }

    fn place(&self, location: &Location) -> Span {
        span_of(self.source, self.text, location)
    }

    fn container(&self, place: Span, last: Option<Span>, aliased: bool) -> Span {
        if aliased { place } else { container(self.text, place, last) }
    }
}
