//! Options of ssh among Ansible's variables. Of one keyword the first counts, as ssh takes it from Ansible's command line:
//! the key file, then `ansible_ssh_common_args`, then `ansible_ssh_extra_args`.

use super::ini::shell_words;
use super::value::plain;
use crate::inventory::settings::is_ours;
use runbook_model::{Code, Diagnostic, Diagnostics, Entry, Span, SshSettings};
use std::collections::BTreeMap;

const KEY_FILES: [&str; 2] = ["ansible_ssh_private_key_file", "ansible_private_key_file"];
const ARGUMENTS: [&str; 2] = ["ansible_ssh_common_args", "ansible_ssh_extra_args"];

/// Keyword and value of each option that `vars` give.
pub(super) fn options(vars: &[&Entry], faults: &mut Diagnostics) -> BTreeMap<String, String> {
    let mut found = Vec::new();
    // Of two variables of one meaning the later counts.
    if let Some(entry) = vars.iter().rev().find(|entry| KEY_FILES.contains(&entry.key.as_str())) {
        let file = plain(&entry.key, &entry.value, faults);
        if file.as_ref().is_some_and(|file| file.trim().is_empty()) {
            let message = format!("`{}` names no file", entry.key);
            faults.push(Diagnostic::error(Code::NOT_ALLOWED, entry.value.span, message).help("leave it out"));
        }
        found.extend(file.map(|file| ("IdentityFile".to_owned(), file)));
    }
    for name in ARGUMENTS {
        for entry in vars.iter().filter(|entry| entry.key == name) {
            let text = plain(name, &entry.value, faults).unwrap_or_default();
            found.extend(read(name, &text, entry.value.span, faults));
        }
    }
    let mut settings = SshSettings::default();
    found.into_iter().rev().for_each(|(keyword, value)| settings.set_option(keyword, value));
    settings.options
}

/// `-o Keyword=value`, `-o "Keyword value"` and `-J host` of Ansible's arguments for ssh.
fn read(name: &str, text: &str, span: Span, faults: &mut Diagnostics) -> Vec<(String, String)> {
    let Some(words) = shell_words(text) else {
        let message = format!("a quote of `{name}` is not closed");
        faults.push(Diagnostic::error(Code::SYNTAX, span, message));
        return Vec::new();
    };
    let mut found = Vec::new();
    let mut words = words.iter().map(String::as_str);
    while let Some(word) = words.next() {
        let option = match (word, word.strip_prefix("-o"), word.strip_prefix("-J")) {
            ("-o", ..) => words.next().and_then(keyword),
            ("-J", ..) => words.next().map(|jump| ("ProxyJump".to_owned(), jump.to_owned())),
            (_, Some(option), _) => keyword(option),
            (_, _, Some(jump)) => Some(("ProxyJump".to_owned(), jump.to_owned())),
            _ => None,
        };
        match option.filter(|(keyword, _)| !is_ours(keyword)) {
            Some(option) => found.push(option),
            None => {
                let message = format!("`{word}` of `{name}` cannot be taken over");
                let help = "only `-o Keyword=value` and `-J host` are, but for options that the connection sets itself; \
                            the rest belongs into ssh_config(5)";
                faults.push(Diagnostic::error(Code::NOT_ALLOWED, span, message).help(help));
            }
        }
    }
    found
}

fn keyword(option: &str) -> Option<(String, String)> {
    let (keyword, value) = option.split_once(['=', ' '])?;
    let (keyword, value) = (keyword.trim(), value.trim());
    let sound = !keyword.is_empty() && keyword.bytes().all(|byte| byte.is_ascii_alphanumeric()) && !value.is_empty();
    sound.then(|| (keyword.to_owned(), value.to_owned()))
}
