//! The digest of a plan: what it does, not where it is written.

use runbook_model::{Entry, Node, Plan, StepDef, Value, format_duration};
use serde::Serialize;

/// BLAKE3 over the resolved plan, in hex.
///
/// Comments, layout, places and the order of keys do not change it; a value, a variable, the environment or the order
/// of steps does. Facts of the host count only where a value holds them. Secrets count by their source.
///
/// It is the same in every checkout: the plan's directory does not count, and [`load`](crate::load) takes the digest of a plan whose
/// variables hold paths below it as resolved in a directory that no host has.
pub fn digest(plan: &Plan) -> String {
    let mut feed = Feed(blake3::Hasher::new());
    feed.text(&plan.name);
    feed.text(&plan.summary);
    feed.data(&plan.environment);
    feed.data(&plan.window);
    feed.text(&format_duration(plan.retention.keep_for));
    feed.number(plan.retention.keep_last.into());
    feed.list(&plan.vars, |feed, variable| {
        feed.text(&variable.name);
        feed.data(&variable.ty);
        feed.maybe(variable.value.as_ref());
        feed.data(&variable.secret);
    });
    feed.list(&plan.review, |feed, review| {
        [&review.what, &review.version, &review.by].into_iter().for_each(|text| feed.text(text));
        feed.data(&review.link);
    });
    feed.list(&plan.steps, |feed, step| feed.step(step));
    feed.0.finalize().to_hex().to_string()
}

/// Feeds the hasher. Everything is told with its kind and length, so that no two plans feed the same bytes.
struct Feed(blake3::Hasher);

impl Feed {
    fn number(&mut self, number: u64) {
        self.0.update(&number.to_le_bytes());
    }

    fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.0.update(text.as_bytes());
    }

    /// Small parts of the model, as they are saved.
    fn data(&mut self, data: &impl Serialize) {
        self.text(&serde_json::to_string(data).unwrap_or_default());
    }

    fn list<T>(&mut self, items: &[T], mut feed: impl FnMut(&mut Self, &T)) {
        self.number(items.len() as u64);
        items.iter().for_each(|item| feed(self, item));
    }

    fn maybe(&mut self, node: Option<&Node>) {
        self.number(node.is_some().into());
        node.into_iter().for_each(|node| self.node(node));
    }

    fn step(&mut self, step: &StepDef) {
        self.text(step.id.as_str());
        self.text(&step.uses);
        self.node(&step.with);
        self.list(&step.needs, |feed, (id, _)| feed.text(id.as_str()));
        self.maybe(step.condition.as_ref());
        self.text(&step.timeout.map(format_duration).unwrap_or_default());
        self.number(step.retry.attempts.into());
        self.text(&format_duration(step.retry.backoff));
        self.number(step.on_failure as u64);
        self.list(&step.allow, |feed, allow| {
            feed.text(allow.rule.name());
            feed.text(&allow.because);
        });
    }

    /// A template that waits is told from the same text, and a map from a list of its entries.
    fn node(&mut self, node: &Node) {
        let tag: &[u8; 1] = match &node.value {
            Value::Null => b"0",
            Value::Bool(_) => b"b",
            Value::Int(_) => b"i",
            Value::Float(_) => b"f",
            Value::String(_) => b"s",
            Value::Later(_) => b"t",
            Value::List(_) => b"l",
            Value::Map(_) => b"m",
        };
        self.0.update(tag);
        match &node.value {
            Value::Null => {}
            Value::Bool(value) => self.number((*value).into()),
            Value::Int(value) => self.number(value.cast_unsigned()),
            Value::Float(value) => self.number(value.to_bits()),
            Value::String(text) => self.text(text),
            Value::Later(later) => self.text(&later.template),
            Value::List(items) => self.list(items, Self::node),
            Value::Map(entries) => self.entries(entries),
        }
    }

    fn entries(&mut self, entries: &[Entry]) {
        let mut sorted: Vec<&Entry> = entries.iter().collect();
        sorted.sort_by(|a, b| a.key.cmp(&b.key));
        self.list(&sorted, |feed, entry| {
            feed.text(&entry.key);
            feed.node(&entry.value);
        });
    }
}
