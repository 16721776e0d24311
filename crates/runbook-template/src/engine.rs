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

fn add_filters(env: &mut Environment<'static>) {
    env.add_filter("abs", filters::abs);
    env.add_filter("basename", |path: String| path.trim_end_matches('/').rsplit('/').next().unwrap_or("").to_owned());
    env.add_filter("bool", filters::bool);
    env.add_filter("capitalize", filters::capitalize);
    env.add_filter("default", filters::default);
    env.add_filter("dirname", dirname);
    env.add_filter("first", filters::first);
    env.add_filter("float", filters::float);
    env.add_filter("indent", indent);
    env.add_filter("int", filters::int);
    env.add_filter("items", filters::items);
    env.add_filter("join", join);
    env.add_filter("last", filters::last);
    env.add_filter("length", filters::length);
    env.add_filter("lines", filters::lines);
    env.add_filter("list", filters::list);
    env.add_filter("lower", filters::lower);
    env.add_filter("map", filters::map);
    env.add_filter("max", filters::max);
    env.add_filter("min", filters::min);
    env.add_filter("reject", filters::reject);
    env.add_filter("rejectattr", filters::rejectattr);
    env.add_filter("replace", replace);
    env.add_filter("reverse", filters::reverse);
    env.add_filter("round", filters::round);
    env.add_filter("select", filters::select);
    env.add_filter("selectattr", filters::selectattr);
    env.add_filter("sort", filters::sort);
    env.add_filter("split", filters::split);
    env.add_filter("string", filters::string);
    env.add_filter("sum", filters::sum);
    env.add_filter("times", times);
    env.add_filter("title", filters::title);
    env.add_filter("tojson", |value: Value| {
        serde_json::to_string(&value).map_err(|error| Error::new(ErrorKind::BadSerialization, error.to_string()))
    });
    env.add_filter("trim", filters::trim);
    env.add_filter("unique", filters::unique);
    env.add_filter("upper", filters::upper);
}

fn add_tests(env: &mut Environment<'static>) {
    env.add_test("boolean", tests::is_boolean);
    env.add_test("defined", tests::is_defined);
    env.add_test("divisibleby", tests::is_divisibleby);
    env.add_test("endingwith", tests::is_endingwith);
    env.add_test("eq", tests::is_eq);
    env.add_test("even", tests::is_even);
    env.add_test("false", tests::is_false);
    env.add_test("ge", tests::is_ge);
    env.add_test("gt", tests::is_gt);
    env.add_test("in", tests::is_in);
    env.add_test("integer", tests::is_integer);
    env.add_test("iterable", tests::is_iterable);
    env.add_test("le", tests::is_le);
    env.add_test("lower", tests::is_lower);
    env.add_test("lt", tests::is_lt);
    env.add_test("mapping", tests::is_mapping);
    env.add_test("ne", tests::is_ne);
    env.add_test("newer_than", is_newer_than);
    env.add_test("none", tests::is_none);
    env.add_test("number", tests::is_number);
    env.add_test("odd", tests::is_odd);
    env.add_test("older_than", is_older_than);
    env.add_test("sequence", tests::is_sequence);
    env.add_test("startingwith", tests::is_startingwith);
    env.add_test("string", tests::is_string);
    env.add_test("true", tests::is_true);
    env.add_test("undefined", tests::is_undefined);
    env.add_test("upper", tests::is_upper);
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
