//! `$COMMAND=…` of a connection string: StackExchange.Redis's way to disable or rename commands.

/// Commands without which there is no backplane.
const NEEDED: [&str; 4] = ["publish", "subscribe", "unsubscribe", "ping"];

/// What an entry means for us: nothing to say, a warning, or the end.
pub(super) fn entry(key: &str, value: &str) -> Result<Option<String>, String> {
    let command = key.trim_start_matches('$');
    if command.eq_ignore_ascii_case(value) {
        return Ok(None);
    }
    if NEEDED
        .iter()
        .any(|needed| command.eq_ignore_ascii_case(needed))
    {
        let done = if value.is_empty() {
            "disabled"
        } else {
            "renamed"
        };
        return Err(format!(
            "{key}: this command is needed and cannot be {done}"
        ));
    }
    Ok(Some(format!("{key}: the command map is ignored")))
}
