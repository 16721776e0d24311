//! The one minijinja environment: strict, without output of its own, made once.

use crate::budget;
use crate::error::TemplateError;
use crate::versions::{is_newer_than, is_older_than};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Kwargs, StringInput, Value};
use minijinja::{
    Environment, Error, ErrorKind, Expression, Output, State, Template, UndefinedBehavior, filters, tests,
};
use std::sync::OnceLock;

/// Instructions that a whole-file template may take; a loop over everything that a plan may hold is far below it.
const FUEL: u64 = 5_000_000;

/// The environment. It is made at the first template, never before.
fn environment() -> &'static Environment<'static> {
    static ENVIRONMENT: OnceLock<Environment<'static>> = OnceLock::new();
    ENVIRONMENT.get_or_init(|| {
        let mut env = Environment::empty();
        env.set_undefined_behavior(UndefinedBehavior::Strict);
        env.set_debug(false);
        env.set_fuel(Some(FUEL));
        env.set_formatter(write_value);
        if let Ok(syntax) = SyntaxConfig::builder().keep_trailing_newline(true).build() {
            env.set_syntax(syntax);
        }
        add_filters(&mut env);
        add_tests(&mut env);
        env.add_function("range", minijinja::functions::range);
        env
    })
}

/// `text` compiled as an expression.
pub(crate) fn expression(text: &str) -> Result<Expression<'_, '_>, TemplateError> {
    narrowed().compile_expression(text).map_err(syntax)
}

/// `text` compiled as a template.
pub(crate) fn template(text: &str) -> Result<Template<'_, '_>, TemplateError> {
    narrowed().template_from_str(text).map_err(syntax)
}

/// The environment for texts that live shorter than the program.
fn narrowed<'t>() -> &'t Environment<'t> {
    environment()
}

/// What a failed rendering says to people. Values can be part of it.
pub(crate) fn describe(error: &Error) -> String {
    match error.kind() {
        ErrorKind::UndefinedError => match error.detail() {
            Some(detail) => format!("a value is missing: {detail}"),
            None => "a value is missing".to_owned(),
        },
        ErrorKind::OutOfFuel => "it takes too long; its loops go round too often".to_owned(),
        kind => error.detail().map_or_else(|| kind.to_string(), str::to_owned),
    }
}

fn syntax(error: Error) -> TemplateError {
    TemplateError::Syntax { message: describe(&error), range: None }
}

/// Writes a value into text. Nothing, lists and maps have no spelling that could be meant.
fn write_value(out: &mut Output, state: &mut State, value: &Value) -> Result<(), Error> {
    use minijinja::value::ValueKind;
    let refused = |message: &str| Err(Error::new(ErrorKind::InvalidOperation, message.to_owned()));
    match value.kind() {
        ValueKind::None => refused("a value is nothing and cannot stand in text; give it a `| default(...)`"),
        ValueKind::Seq | ValueKind::Iterable => {
            refused("a list cannot stand in text; use `| join(\" \")` or `| tojson`")
        }
        ValueKind::Map => refused("a map cannot stand in text; name one of its values or use `| tojson`"),
        _ => minijinja::escape_formatter(out, state, value),
    }
}

/// Adds functions of minijinja under their own names; a test loses its `is_`.
macro_rules! add_builtins {
    ($env:ident.$add:ident, $module:ident: $($name:ident)*) => {
        $($env.$add(stringify!($name).trim_start_matches("is_"), $module::$name);)*
    };
}

fn add_filters(env: &mut Environment<'static>) {
    add_builtins! {
        env.add_filter, filters:
        abs bool capitalize default first float int items last length lines list lower map max min reject rejectattr
        reverse round select selectattr sort split string sum title trim unique upper
    }
    env.add_filter("basename", |path: String| path.trim_end_matches('/').rsplit('/').next().unwrap_or("").to_owned());
    env.add_filter("dirname", dirname);
    env.add_filter("indent", indent);
    env.add_filter("join", join);
    env.add_filter("replace", replace);
    env.add_filter("times", times);
    env.add_filter("tojson", |value: Value| {
        serde_json::to_string(&value).map_err(|error| Error::new(ErrorKind::BadSerialization, error.to_string()))
    });
}

fn add_tests(env: &mut Environment<'static>) {
    add_builtins! {
        env.add_test, tests:
        is_boolean is_defined is_divisibleby is_endingwith is_eq is_even is_false is_ge is_gt is_in is_integer
        is_iterable is_le is_lower is_lt is_mapping is_ne is_none is_number is_odd is_sequence is_startingwith
        is_string is_true is_undefined is_upper
    }
    env.add_test("newer_than", is_newer_than);
    env.add_test("older_than", is_older_than);
}

/// The directory of a path, as `dirname(1)` has it.
fn dirname(path: String) -> String {
    match path.trim_end_matches('/').rsplit_once('/') {
        Some(("", _)) => "/".to_owned(),
        Some((directory, _)) => directory.trim_end_matches('/').to_owned(),
        None if path.starts_with('/') => "/".to_owned(),
        None => ".".to_owned(),
    }
}

/// Every line but the first moved right.
fn indent(text: String, width: usize) -> Result<String, Error> {
    if width > 80 {
        return Err(Error::new(ErrorKind::InvalidOperation, "an indent is at most 80"));
    }
    let pad = format!("\n{:width$}", "");
    Ok(text.replace('\n', &pad))
}

/// A list as one text; what stands between its items may not make it too large.
fn join(
    state: &mut State,
    value: &Value,
    joiner: Option<StringInput<'_>>,
    attribute: Option<&str>,
    kwargs: Kwargs,
) -> Result<Value, Error> {
    let items = value.as_str().map(|text| text.chars().count()).or_else(|| value.len()).unwrap_or(0);
    let between = joiner.as_ref().map_or(0, |joiner| joiner.as_str().len());
    within_budget(items.saturating_mul(between))?;
    filters::join(state, value, joiner, attribute, kwargs)
}

/// One text for another, as often as it stands there; the result may not be too large.
fn replace(
    state: &mut State,
    value: StringInput<'_>,
    from: StringInput<'_>,
    to: StringInput<'_>,
) -> Result<Value, Error> {
    within_budget(value.as_str().matches(from.as_str()).count().saturating_mul(to.as_str().len()))?;
    filters::replace(state, value, from, to)
}

fn within_budget(bytes: usize) -> Result<(), Error> {
    if bytes <= budget::MOST { Ok(()) } else { Err(Error::new(ErrorKind::InvalidOperation, budget::TOO_LARGE)) }
}

/// A product of whole numbers. `*` would repeat texts and lists, without a limit.
fn times(value: i64, factor: i64) -> Result<i64, Error> {
    value.checked_mul(factor).ok_or_else(|| Error::new(ErrorKind::InvalidOperation, "the product is too large"))
}
