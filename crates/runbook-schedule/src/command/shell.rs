//! Splits the text of a shell script into its simple commands: quotes, operators and substitutions, no expansion.

/// How deep substitutions in substitutions are followed.
const DEEPEST: usize = 8;

/// Whether the word only structures a script.
pub(super) fn is_reserved(word: &str) -> bool {
    matches!(word, "if" | "then" | "else" | "elif" | "fi" | "do" | "done" | "while" | "until" | "!" | "{" | "}")
}

/// The simple commands of `text`, those in substitutions included.
pub(super) fn commands(text: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    split(text, DEEPEST, &mut found);
    found.retain(|argv| !argv.is_empty());
    found
}

#[derive(Default)]
struct Reader {
    argv: Vec<String>,
    word: Option<String>,
}

impl Reader {
    fn push(&mut self, c: char) {
        self.word.get_or_insert_default().push(c);
    }

    fn end_word(&mut self) {
        self.argv.extend(self.word.take());
    }

    /// Ends the command; a command behind a pipe gets its input from it, which `xargs` says itself.
    fn end_command(&mut self, found: &mut Vec<Vec<String>>) {
        self.end_word();
        found.push(std::mem::take(&mut self.argv));
    }
}

fn split(text: &str, depth: usize, found: &mut Vec<Vec<String>>) {
    let Some(depth) = depth.checked_sub(1) else { return };
    let mut reader = Reader::default();
    let mut chars = text.chars().peekable();
    let mut quote = None;
    let mut last = ' ';
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some('\''), '\'') | (Some('"'), '"') => quote = None,
            (Some('\''), _) => reader.push(c),
            (_, '\\') => match chars.next() {
                Some('\n') | None => {}
                Some(escaped) => reader.push(escaped),
            },
            (None, '\'' | '"') => {
                quote = Some(c);
                reader.word.get_or_insert_default();
            }
            (_, '$') if chars.peek() == Some(&'(') => {
                chars.next();
                split(&enclosed(&mut chars), depth, found);
                "$()".chars().for_each(|c| reader.push(c));
            }
            (_, '`') => {
                let inner: String = chars.by_ref().take_while(|c| *c != '`').collect();
                split(&inner, depth, found);
                "$()".chars().for_each(|c| reader.push(c));
            }
            (Some(_), _) => reader.push(c),
            (None, '&') if last == '>' || chars.peek() == Some(&'>') => reader.push(c),
            (None, ';' | '&' | '|' | '\n' | '(' | ')') => reader.end_command(found),
            (None, '#') if reader.word.is_none() => while chars.next_if(|c| *c != '\n').is_some() {},
            (None, c) if c.is_whitespace() => reader.end_word(),
            (None, _) => reader.push(c),
        }
        last = c;
    }
    reader.end_command(found);
}

/// The text up to the parenthesis that closes.
fn enclosed(chars: &mut impl Iterator<Item = char>) -> String {
    let mut open = 1;
    chars
        .take_while(|c| {
            open += match c {
                '(' => 1,
                ')' => -1,
                _ => 0,
            };
            open > 0
        })
        .collect()
}
