//! Every diagnostic code with what `runbook explain` tells about it. Codes are never given a second meaning.

use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt;

/// The code of a class of faults: `RB0112`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Code(Cow<'static, str>);

impl Code {
    /// The code written as `text`, which must be in [`CODES`].
    pub const fn new(text: &'static str) -> Self {
        Self(Cow::Borrowed(text))
    }

    /// The code as printed.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What is told about it.
    pub fn doc(&self) -> Option<&'static CodeDoc> {
        CODES.iter().find(|doc| doc.code == self.0)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// What is told about a code.
#[derive(Clone, Copy, Debug)]
pub struct CodeDoc {
    /// The code.
    pub code: &'static str,
    /// One line.
    pub title: &'static str,
    /// Why it is a fault and what to do about it, in a few sentences of Markdown.
    pub text: &'static str,
}

macro_rules! codes {
    ($($name:ident $code:literal $title:literal $text:literal)*) => {
        impl Code {
            $(#[doc = $title] pub const $name: Self = Self::new($code);)*
        }

        /// All codes in order.
        pub const CODES: &[CodeDoc] = &[$(CodeDoc { code: $code, title: $title, text: $text },)*];
    };
}

codes! {
    UNREADABLE "RB0100" "the file cannot be read"
        "The file is missing, is not UTF-8, is larger than a plan may be, or may not be read by this user. Nothing was done."
    SYNTAX "RB0101" "the file is not well-formed YAML"
        "The YAML reader stopped at this place. Usual causes are a tab used for indentation, an unquoted `{{` at the start of a value (write `\"{{ vars.x }}\"`), a missing space after a colon, or a quote that is not closed."
    DUPLICATE_KEY "RB0102" "a key stands twice in one map"
        "YAML readers keep the one or the other without a word, so a plan could do something else than its reviewer read. Remove one of the two."
    BUDGET "RB0103" "the file is deeper or larger than a plan may be"
        "Aliases and templates that multiply, deep nesting and huge documents are refused before they are expanded, so that a plan from a pull request cannot take the reader down."
    WRONG_DOCUMENT "RB0104" "the document is not what was expected"
        "Every file says what it is: `kind: Plan` and `version: 1`. Streams of several documents are refused."
    UNKNOWN_FIELD "RB0105" "a field has a name that does not exist here"
        "Unknown fields are refused, because a mistyped `timeout` would otherwise be a step without a limit."
    MISSING_FIELD "RB0106" "a field that is needed is missing"
        "The message names the field and the map that lacks it."
    WRONG_TYPE "RB0107" "a value has the wrong type"
        "The message says what is wanted. Only `true` and `false` are booleans; `yes`, `no`, `on` and `off` are text."
    NOT_ALLOWED "RB0108" "a value is not one of those that are allowed"
        "The message lists the allowed values."
    BAD_ID "RB0109" "an id is not well-formed"
        "An id is a letter followed by letters, digits, `-` and `_`."
    DUPLICATE_ID "RB0110" "two steps have the same id"
        "Ids name steps in `needs`, in templates, in the journal and in reports; each names one step."
    EMPTY_PLAN "RB0111" "the plan has no steps"
        "A plan without steps would succeed without having done anything."
    UNKNOWN_STEP "RB0112" "a step is named that is not in the plan"
        "`needs` and `steps.<id>` may only name steps of the same plan. A step that was renamed or removed has to be renamed or removed there too."
    NEEDS_ITSELF "RB0113" "a step needs itself"
        "No order can satisfy this. Remove the entry."
    UNKNOWN_KIND "RB0114" "a step uses a kind that does not exist"
        "`uses` names an entry of the step library (`runbook steps` lists them) or an external kind `x`, which is the program `runbook-step-x` on PATH."
    BAD_DURATION "RB0115" "a duration cannot be read"
        "Durations are numbers with units: `500ms`, `90s`, `1m30s`, `12h`, `7d`. A number without a unit is refused."
    BAD_WINDOW "RB0116" "a maintenance window cannot be read"
        "`zone` is an IANA name such as `Europe/Madrid`, `days` are `mon` to `sun`, `from` and `to` are quoted times of day such as \"02:00\"; an end before the start means the next day."
    STALE_REVIEW "RB0117" "a review is for another version"
        "The entry says that a person read the changelog or the issues for a version that no step of this plan installs. What a step installs is the version that it names, or, for kinds without one, a path or argument that names it. Read what has come since, then change `for`."
    OUT_OF_RANGE "RB0118" "a number is out of range"
        "The message gives the range."
    UNKNOWN_HOST "RB0119" "a host is named that is not in the inventory"
        "Hosts are named in groups of an inventory and with `--host`. `runbook hosts` lists those that there are."
    VAULT_VALUE "RB0120" "a value is encrypted by Ansible's vault"
        "`runbook` opens no vault. Declare the variable as a secret, `from: { command: [ansible-vault, view, FILE] }`, or write what ssh needs into ssh_config(5)."
    UNKNOWN_VARIABLE "RB0201" "a variable is used or set that the plan does not declare"
        "Every layer (environment, stage, inventory, `--var`) may only set variables that the plan declares under `vars`, so that a mistyped name cannot be silently without effect."
    UNSET_VARIABLE "RB0202" "a variable has no value"
        "It has no default, and no layer gives it a value. Set it in the environment's file or with `--var name=value`. `runbook vars PLAN` shows every variable and its layer."
    WRONG_VARIABLE_TYPE "RB0203" "a variable's value has the wrong type"
        "The value comes from the layer that the message names; the declaration is shown beside it."
    BAD_VERSION "RB0204" "a value is not one exact version"
        "Versions are semver (`1.4.2`, `0.8.3-beta`) or dates (`2026.3.23-2`). Tags such as `latest` and ranges mean something else tomorrow."
    BAD_TEMPLATE "RB0205" "a template cannot be read"
        "Templates are `{{ expression }}` inside a text value. The message says where the reader stopped."
    UNKNOWN_NAME "RB0206" "a template uses a name that does not exist"
        "In scope are `vars.*`, `steps.<id>.*`, `host.*` and `environment`. All names are checked before a host is touched."
    UNKNOWN_OUTPUT "RB0207" "a template uses an output that the step does not have"
        "Each kind declares its outputs; `runbook steps KIND` lists them."
    RENDER_FAILED "RB0208" "a template cannot be rendered"
        "All names exist, but the expression fails on their values: a filter on the wrong type, or an order of a semver and a date version, which has no answer."
    SECRET_EXPOSED "RB0209" "a secret would be written down"
        "Secrets may be used in `env`, in file contents and in templates, never in an argument vector (every user of the host can read those), an id, a path or a summary."
    BAD_SECRET "RB0210" "a secret has no source or has a value"
        "A secret is declared as `{ type: secret, from: { env: NAME } }`, `{ file: PATH }` or `{ command: [...] }`, with `on: host` or `on: controller`, and can be given by no layer."
    UNKNOWN_ENVIRONMENT "RB0211" "there is no such environment"
        "`--env NAME` reads `environments/NAME.yaml` beside the plan or in a directory above it."
    BAD_VAR_FLAG "RB0212" "a --var cannot be read"
        "Write `--var name=value`."
    UNKNOWN_PARAMETER "RB0301" "a step has a parameter that its kind does not know"
        "`runbook steps KIND` lists the parameters."
    MISSING_PARAMETER "RB0302" "a step lacks a parameter that its kind needs"
        "`runbook steps KIND` lists the parameters and shows an example."
    WRONG_PARAMETER "RB0303" "a parameter has a value that its kind cannot use"
        "The message says what is wanted. A value that comes from another step is checked when it is known, before anything is changed."
    CONFLICTING_PARAMETERS "RB0304" "parameters exclude one another"
        "The message names them; give one of them."
    BAD_SIGNAL "RB0305" "a signal cannot be judged"
        "Each signal has one source (`log`, `log_absent`, `command`, `http`, `port`, `unit`, `process`), a role and limits that fit the source."
    BAD_POINTER "RB0306" "a JSON Pointer is not well-formed"
        "A JSON Pointer (RFC 6901) is empty or starts with `/`; `~0` stands for `~` and `~1` for `/`."
    EXTERNAL_KIND "RB0307" "an external kind does not answer as it should"
        "The program `runbook-step-NAME` must answer the capabilities call with JSON of protocol version 1. See docs/external-kinds.md."
    CYCLE "RB0401" "the steps wait for one another in a cycle"
        "The message prints the whole cycle, each edge with its reason and place. Take out one of the `needs`, or reorder the steps in the file if an edge comes from file order."
    CHANGE_NEEDS_BACKUP "RB0411" "a change has no local backup"
        "Report 2: rollback has to be local, fast and complete. Add a `backup.create` that covers what the step writes, or an `allow` with the reason why none is needed."
    CHANGE_NEEDS_UNDO "RB0412" "a change cannot be taken back"
        "The step captures nothing of its own, names no `undo`, and no backup of the plan covers what it writes. Report 1: without a way back to an exact state there is no rollback plan."
    UNDO_NEEDS_NO_NETWORK "RB0413" "an undo would use the network"
        "Report 2, rule 3: if rollback still depends on a registry being reachable, rollback is not ready. Undo from a local backup or from local files."
    VERIFY_IS_FUNCTIONAL "RB0414" "the plan is not verified by a real flow"
        "Report 1: a service that logs ready can still be broken. A plan that changes a package, a program or a service needs a blocking signal of kind `functional`."
    VERIFY_IS_NEGATIVE "RB0415" "the plan does not look for known errors"
        "Report 1: \"0 errors\" was part of the validation. A plan that changes a package, a program or a service needs a blocking signal of kind `negative`."
    EXACT_VERSION "RB0416" "a version is not exact"
        "`latest` and ranges can mean another version when the plan runs than when it was reviewed, and cannot be returned to."
    EXACT_TARGET "RB0417" "the installation to change is not named exactly"
        "Report 2: a host with two installations lets a successful upgrade touch the wrong one. Name the prefix, best from `service.inspect`."
    NARROW_KILL "RB0418" "a command kills or removes by pattern"
        "Report 2: terminate exactly one identified process instead of a broad pkill. Use `port.orphan-kill` or `process.stop`, and `file.remove` with a path."
    CANARY_FIRST "RB0419" "a rollout does not begin with a canary"
        "Report 2, rule 2: validate on one host before the others."
    SAME_PLATFORM "RB0420" "an artifact is for another platform"
        "Report 2: Linux `node_modules` are not copied to macOS."
    UNUSED_ALLOW "RB0421" "an exception allows what is not refused"
        "The step breaks no such rule, so the exception only hides a later fault. Remove it."
    UNKNOWN_RULE "RB0422" "there is no such rule"
        "`allow` names one of the refusals; the message lists them."
    UNREACHABLE_BACKUP "RB0423" "a backup comes after what it should cover"
        "`needs` forces the change before the backup. Remove that entry."
    UNKNOWN_STAGE "RB0501" "a stage is named that is not in the rollout"
        "`needs` of a stage may only name stages of the same rollout."
    STAGE_CYCLE "RB0502" "the stages wait for one another in a cycle"
        "The message prints the whole cycle, and where each stage says what it needs. Take out one of the `needs`."
    NO_HOST "RB0503" "a stage has no host"
        "No host of the inventory has the labels that the stage asks for, or it names none. A stage without hosts would be done without having done anything. `runbook hosts label=value` shows which there are."
    UNKNOWN_ARTIFACT "RB0504" "an artifact is taken that no stage before gives"
        "A stage gives what it lists under `artifacts`, and a later stage takes it with `promote`. The stage that gives it has to be among those that the other one needs, directly or through others."
    NOT_PACKED "RB0505" "a stage gives an artifact that its plan does not make"
        "What stands under `artifacts` are ids of steps of the stage's plan that pack an artifact after the verification. Add such a step to the plan, or take the id out of the list."
    HOST_TWICE "RB0506" "a host is in two stages at once"
        "Nothing says which of the two stages comes first, and a host does one thing at a time. Let one need the other, or take the host out of one."
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_in_order() {
        assert!(CODES.windows(2).all(|pair| pair[0].code < pair[1].code));
        assert!(CODES.iter().all(|doc| !doc.title.is_empty() && doc.text.ends_with(['.', '`'])));
    }
}
