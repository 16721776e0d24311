//! Plans of any size, as a generator of plans would write them.

/// Commands that declare what they touch and how they are taken back; nothing else.
pub(crate) fn commands(steps: usize) -> String {
    let step = |at: usize| {
        format!(
            "  - id: step-{at:05}\n    uses: command.run\n    with: {{ run: [/bin/true], effects: {{}}, undo: {{ run: [/bin/true] }} }}\n"
        )
    };
    plan("", (0..steps).map(step))
}

/// Files with templates, edits of shared files, captures that later steps wait for, commands that read a directory.
pub(crate) fn mixed(steps: usize) -> String {
    let vars = "vars:\n  root: { type: path, default: /srv/app, help: Where it is }\n";
    let group = |at: usize| {
        let shared = at % 100;
        format!(
            r#"  - id: conf-{at:05}
    uses: file.write
    with: {{ path: "{{{{ vars.root }}}}/conf/{at}.ini", content: "root = {{{{ vars.root }}}}\n" }}
  - id: edit-{at:05}
    uses: json.edit
    with: {{ path: /srv/app/json/{shared}.json, set: {{ /gateway/port: {at} }} }}
  - id: ask-{at:05}
    uses: command.capture
    with: {{ run: [cat, "{{{{ vars.root }}}}/in/{at}"] }}
    needs: [conf-{at:05}]
  - id: tell-{at:05}
    uses: file.write
    with: {{ path: /srv/app/out/{at}, content: "{{{{ steps.ask-{at:05}.stdout }}}}" }}
  - id: make-{at:05}
    uses: command.run
    needs: [tell-{at:05}]
    with:
      run: [make, -C, /srv/app, t{at}]
      effects: {{ reads: [{{ path: /srv/app/in }}], writes: [{{ path: /srv/app/done/{at} }}] }}
      undo: {{ run: [rm, -f, /srv/app/done/{at}] }}
"#
        )
    };
    plan(vars, (0..steps / 5).map(group))
}

fn plan(vars: &str, steps: impl Iterator<Item = String>) -> String {
    let head = "kind: Plan\nversion: 1\nname: large\nsummary: A plan that a program wrote\n";
    format!("{head}{vars}steps:\n{}", steps.collect::<String>())
}
