//! Whether a job may be loaded: launchd's own database of overrides, and what the property list says without one.

use super::{Definition, Job};
use runbook_host::{Host, Reader};
use runbook_model::Failure;

impl Job {
    /// What launchd's database says: `true` is disabled; `None` if it says nothing of this job.
    pub fn disabled_override(&self, host: &Reader) -> Result<Option<bool>, Failure> {
        self.needs_launchd(host)?;
        let domain = self.domain(host).to_string();
        let output = host.ask(&Self::launchctl(&["print-disabled", &domain]))?;
        if !output.status.success() {
            return Err(self.no_answer(host, &output));
        }
        parse(&output.text(), &self.label).map_err(|word| {
            Failure::failed(format!("`launchctl print-disabled {domain}` says {word} of {self}"))
                .hint("this version of macOS says it in words that are not known here; nothing was changed")
        })
    }

    /// Whether launchd refuses to load it.
    pub fn is_disabled(&self, host: &Reader, definition: Option<&Definition>) -> Result<bool, Failure> {
        let by_default = definition.is_some_and(|definition| definition.disabled);
        Ok(self.disabled_override(host)?.unwrap_or(by_default))
    }

    /// Writes the override. It neither loads nor ends anything, and survives a restart of the host.
    pub fn set_disabled(&self, host: &Host, disabled: bool) -> Result<(), Failure> {
        let verb = if disabled { "disable" } else { "enable" };
        host.run_well(&Self::launchctl(&[verb, &self.target(host)])).map(drop)
    }
}

/// Lines of `"LABEL" => WORD`; the word is `true` or `false` up to macOS 11, `disabled` or `enabled` later. A word that
/// is neither is returned as the error.
fn parse(text: &str, label: &str) -> Result<Option<bool>, String> {
    let quoted = format!("\"{label}\"");
    let entry = |line: &str| {
        let (name, word) = line.trim().split_once(" => ")?;
        (name == quoted).then(|| word.trim().to_owned())
    };
    // Another list, of login items, follows with entries of the same form.
    let services = text.lines().skip_while(|line| !line.contains("disabled services")).skip(1);
    match services.take_while(|line| line.trim() != "}").find_map(entry).as_deref() {
        None => Ok(None),
        Some("true" | "disabled") => Ok(Some(true)),
        Some("false" | "enabled") => Ok(Some(false)),
        Some(word) => Err(format!("`{word}`")),
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    const OLD: &str = "disabled services = {\n\t\"com.example.off\" => true\n\t\"com.example.on\" => false\n}\nlogin item associations = {\n}\n";
    const NEW: &str = "\n\tdisabled services = {\n\t\t\"com.example.off\" => disabled\n\t\t\"com.example.on\" => enabled\n\t}\n\
        \tlogin item associations = {\n\t\t\"com.example.item\" => disabled\n\t}\n";

    #[test]
    fn both_ways_to_say_it_are_read() {
        for text in [OLD, NEW] {
            assert_eq!(parse(text, "com.example.off"), Ok(Some(true)));
            assert_eq!(parse(text, "com.example.on"), Ok(Some(false)));
            for unknown in ["com.example", "com.example.o", "com.example.item", "off"] {
                assert_eq!(parse(text, unknown), Ok(None), "{unknown}");
            }
        }
        assert_eq!(parse("disabled services = {\n}\n", "a"), Ok(None));
        assert_eq!(parse("disabled services = {\n\"a\" => maybe\n}\n", "a"), Err("`maybe`".to_owned()));
    }
}
