//! What programs say: control characters, escape sequences, bytes that are no text, lines without an end.

use crate::bench::Bench;

/// Colours, a title, a cleared screen, a bell, a backspace, a C1 control, text turned round, and bytes that are no UTF-8.
const NASTY: &str =
    r"printf '\033[31mred\033[0m \033]0;title\007 \033[2J\007 a\010b \302\233 \342\200\256 \377\376 \000 end\n'";

fn unsafe_chars(text: &str) -> Vec<char> {
    let acts = |c: &char| c.is_control() && *c != '\n' || matches!(c, '\u{202a}'..='\u{202e}');
    text.chars().filter(acts).collect()
}

#[test]
fn nothing_that_a_program_says_acts_on_the_screen_or_breaks_a_document() {
    let bench = Bench::new();
    bench.write("nasty.sh", format!("{NASTY}\n{NASTY} >&2\nexit $1\n"));
    let script = bench.path("nasty.sh");
    let plan_of = |code: &str| {
        let steps = format!(
            "steps:\n  - {{ id: look, uses: command.capture, with: {{ run: [sh, {0}, \"0\"] }} }}\n  \
             - {{ id: note, uses: file.write, with: {{ path: HOST/note, content: \"{{{{ steps.look.stdout }}}}\" }} }}\n  \
             - id: run\n    uses: command.run\n    needs: [note]\n    with: {{ run: [sh, {0}, \"{code}\"], undo: {{ run: [\"true\"] }} }}\n",
            script.display()
        );
        bench.plan("nasty", &steps)
    };
    for (code, exit) in [("0", 0), ("9", 3)] {
        let plan = plan_of(code);
        let live = bench.expect(exit, &["apply", &plan, "--yes"]);
        assert_eq!(unsafe_chars(&live.out), vec![], "{live:#?}");
        assert_eq!(unsafe_chars(&live.err), vec![], "{live:#?}");
        for args in [&["show"][..], &["report"], &["status"], &["history"], &["plan", &plan]] {
            let said = bench.expect(0, args);
            assert_eq!(unsafe_chars(&said.out), vec![], "{args:?}: {said:#?}");
        }
        let all = bench.expect(0, &["show", "--format", "json"]);
        assert_eq!(unsafe_chars(&all.out), vec![]);
        assert!(all.json().to_string().contains("red"));
        for line in bench.expect(0, &["show", "--format", "ndjson"]).out.lines() {
            serde_json::from_str::<serde_json::Value>(line).unwrap();
        }
    }
}

#[test]
fn a_line_of_ten_megabytes_is_kept_short() {
    let bench = Bench::new();
    for (code, exit) in [("0", 0), ("9", 3)] {
        let plan = bench.plan(
            "long",
            &format!(
                "steps:\n  - id: run\n    uses: command.run\n    with:\n      \
                 run: [sh, -c, \"head -c 10000000 /dev/zero | tr '\\\\0' x; exit {code}\"]\n      undo: {{ run: [\"true\"] }}\n"
            ),
        );
        let said = bench.expect(exit, &["apply", &plan, "--yes"]);
        assert!(said.out.len() < 20_000, "{} bytes on the screen", said.out.len());
        for args in [&["show"][..], &["report"]] {
            assert!(bench.expect(0, args).out.len() < 100_000, "{args:?}");
        }
        bench.expect(0, &["show", "--format", "json"]).json();
    }
    let journal = std::fs::metadata(bench.state().join("journal.db")).unwrap().len();
    assert!(journal < 8 << 20, "the journal has {journal} bytes");
}

#[test]
fn names_with_control_characters_are_shown_and_not_obeyed() {
    let bench = Bench::new();
    let plan = bench.plan(
        "names",
        "steps:\n  - { id: write, uses: file.write, with: { path: \"HOST/a\\e[31mb\\nc\", content: \"x\\e]0;t\\ay\\n\" } }\n",
    );
    for args in
        [&["plan", &plan][..], &["apply", &plan, "--yes"], &["show"], &["report"], &["graph", &plan], &["check", &plan]]
    {
        let said = bench.expect(0, args);
        assert_eq!(unsafe_chars(&said.out), vec![], "{args:?}: {said:#?}");
    }
    bench.expect(0, &["show", "--format", "json"]).json();
    // A fault in a plan that was pasted from a terminal.
    let odd = bench
        .write("odd.yaml", "kind: Plan\nversion: 1\nname: odd\nsteps:\n  - { id: \"a\\e[31m\", uses: \"fi\\ale\" }\n");
    let said = bench.expect(1, &["check", &odd]);
    assert_eq!(unsafe_chars(&said.err), vec![], "{said:#?}");
}
