//! Words as systemd writes them: files with assignments, and variables in a command line.

use std::collections::BTreeMap;

/// What a variable or a word is; `None` if only running the program could tell.
type Value = Option<String>;

/// The assignments in a file of `EnvironmentFile=` (systemd.exec(5)): lines `NAME=value`, comments with `#` or `;`,
/// quotes, and lines that go on behind a backslash. No variable is expanded there.
pub(super) fn environment_file(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut chars = text.chars().peekable();
    while chars.peek().is_some() {
        while chars.next_if(|c| c.is_whitespace()).is_some() {}
        if chars.next_if(|c| matches!(c, '#' | ';')).is_some() {
            // A comment goes on behind a backslash as well.
            while let Some(c) = chars.next().filter(|c| *c != '\n') {
                if c == '\\' {
                    chars.next();
                }
            }
            continue;
        }
        let mut name = String::new();
        while let Some(c) = chars.next_if(|c| *c != '=' && *c != '\n') {
            name.push(c);
        }
        if chars.next_if_eq(&'=').is_some() {
            found.push((name.trim().to_owned(), value(&mut chars)));
        }
    }
    found.retain(|(name, _)| !name.is_empty());
    found
}

fn value(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> String {
    let (mut text, mut quote, mut kept) = (String::new(), None, 0);
    // Quotes count at the beginning of the value and behind other quotes.
    let mut begins = true;
    while let Some(c) = chars.next() {
        match (quote, c) {
            (None, '\n') => break,
            (Some(mark), _) if mark == c => (quote, begins) = (None, true),
            (None, '\'' | '"') if begins => quote = Some(c),
            (None | Some('"'), '\\') => match chars.next() {
                Some('\n') | None => {}
                Some(c @ ('"' | '\\' | '$' | '`')) => text.push(c),
                Some(other) if quote.is_none() => text.push(other),
                Some(other) => text.extend(['\\', other]),
            },
            (None, c) if begins && c.is_whitespace() => continue,
            _ => {
                begins = false;
                text.push(c);
            }
        }
        if quote.is_some() || !c.is_whitespace() {
            kept = text.len();
        }
    }
    text.truncate(kept);
    text
}

/// The arguments of `ExecStart=` with variables put in (systemd.service(5)): `${NAME}` inside of a word, `$NAME` as a word
/// of its own, which becomes as many words as it holds, and `$$` for a dollar sign. What is not set is empty.
pub(super) fn expanded(args: &[String], env: &BTreeMap<String, Value>) -> Vec<Value> {
    let mut words = Vec::new();
    for arg in args {
        let name = arg.strip_prefix('$').filter(|name| is_name(name));
        match name.map(|name| env.get(name)) {
            Some(None) => {}
            Some(Some(None)) => words.push(None),
            Some(Some(Some(value))) => words.extend(value.split_whitespace().map(|word| Some(word.to_owned()))),
            None => words.push(in_word(arg, env)),
        }
    }
    words
}

fn in_word(word: &str, env: &BTreeMap<String, Value>) -> Value {
    let (mut text, mut rest) = (String::new(), word);
    while let Some((before, after)) = rest.split_once('$') {
        text.push_str(before);
        let braced = after.strip_prefix('{').and_then(|after| after.split_once('}')).filter(|(name, _)| is_name(name));
        if let Some((name, behind)) = braced {
            if let Some(value) = env.get(name) {
                text.push_str(value.as_ref()?);
            }
            rest = behind;
        } else {
            text.push('$');
            rest = after.strip_prefix('$').unwrap_or(after);
        }
    }
    text.push_str(rest);
    Some(text)
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_with_assignments_are_read_as_systemd_reads_them() {
        let text = "# comment\n; another\nA=plain\n  B = spaced out  \nC=\"quoted # not a comment\"\nD='single $A'\n\
            E=one\\\n two\nnothing\nF=\nG=\"two\nlines\"\nH=a\"b\"c\n";
        let wanted = [
            ("A", "plain"),
            ("B", "spaced out"),
            ("C", "quoted # not a comment"),
            ("D", "single $A"),
            ("E", "one two"),
            ("F", ""),
            ("G", "two\nlines"),
            ("H", "a\"b\"c"),
        ];
        let wanted = wanted.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(environment_file(text), wanted);
    }

    #[test]
    fn variables_in_a_command_line() {
        let env = [("PORT", Some("18789")), ("OPTS", Some("--a  --b")), ("EMPTY", Some("")), ("UNKNOWN", None)];
        let env = env.into_iter().map(|(name, value)| (name.to_owned(), value.map(str::to_owned))).collect();
        for (arg, wanted) in [
            ("$OPTS", &[Some("--a"), Some("--b")][..]),
            ("x$OPTS", &[Some("x$OPTS")]),
            ("--port=${PORT}", &[Some("--port=18789")]),
            ("${OPTS}", &[Some("--a  --b")]),
            ("$EMPTY", &[]),
            ("$NOT_SET", &[]),
            ("a${NOT_SET}b", &[Some("ab")]),
            ("$$PORT", &[Some("$PORT")]),
            ("${UNKNOWN}", &[None]),
            ("$UNKNOWN", &[None]),
            ("a$", &[Some("a$")]),
            ("${", &[Some("${")]),
        ] {
            let wanted: Vec<Value> = wanted.iter().map(|word| word.map(str::to_owned)).collect();
            assert_eq!(expanded(&[arg.to_owned()], &env), wanted, "{arg}");
        }
    }

    proptest::proptest! {
        #![proptest_config(test_rules::cases(256))]

        #[test]
        fn nonsense_is_read_without_a_panic(text in "[A-C=$\"'\\\\{} \n#;éa-c]{0,60}") {
            let pairs = environment_file(&text);
            let env = pairs.into_iter().map(|(name, value)| (name, Some(value))).collect();
            expanded(&[text], &env);
        }
    }
}
