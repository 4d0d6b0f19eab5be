//! Where settings come from: a folder of files and the process environment.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use super::SettingsError;

/// The environment's name: `Development`, `Sandbox`, `Production` or one of the operator's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Environment(String);

impl Environment {
    /// `APP_ENVIRONMENT`, else `ASPNETCORE_ENVIRONMENT`, else `Production`.
    fn from_variables(sources: &Sources) -> Result<Self, SettingsError> {
        let name = ["APP_ENVIRONMENT", "ASPNETCORE_ENVIRONMENT"]
            .into_iter()
            .find_map(|variable| sources.variable(variable).filter(|name| !name.is_empty()))
            .unwrap_or("Production");
        // The name becomes part of a file name.
        let plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_');
        if !name.chars().all(plain) {
            let problem = format!("{name:?} is not the name of an environment");
            return Err(SettingsError::single("APP_ENVIRONMENT", &problem));
        }
        Ok(Self(name.to_owned()))
    }

    pub fn is_development(&self) -> bool {
        self.0.eq_ignore_ascii_case("Development")
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Environment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Everything [`super::Settings::load`] looks at, so that a test can hand in its own.
#[derive(Clone, Debug)]
pub struct Sources {
    /// The folder with `appsettings.json` and its companions. Missing files there are no error.
    pub folder: PathBuf,
    /// One more file, laid over the others; this one must exist.
    pub file: Option<PathBuf>,
    variables: Vec<(String, String)>,
}

impl Sources {
    /// The folder `config` and this process's environment.
    pub fn of_process() -> Self {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Self::new("config", std::env::vars_os().filter_map(text))
    }

    /// A folder and a set of variables.
    pub fn new<N: Into<String>, V: Into<String>>(
        folder: impl Into<PathBuf>,
        variables: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        let mut variables: Vec<(String, String)> = variables
            .into_iter()
            .map(|(name, value)| (name.into(), value.into()))
            .collect();
        // The process environment has no order; ours decides which of two spellings wins.
        variables.sort();
        Self {
            folder: folder.into(),
            file: None,
            variables,
        }
    }

    #[must_use]
    pub fn with_file(mut self, file: Option<PathBuf>) -> Self {
        self.file = file;
        self
    }

    pub fn environment(&self) -> Result<Environment, SettingsError> {
        Environment::from_variables(self)
    }

    /// A variable by its name; the exact spelling first, then any case.
    pub fn variable(&self, name: &str) -> Option<&str> {
        let any_case = || {
            self.variables
                .iter()
                .find(|(candidate, _)| candidate.eq_ignore_ascii_case(name))
        };
        self.variables
            .iter()
            .find(|(candidate, _)| candidate == name)
            .or_else(any_case)
            .map(|(_, value)| value.as_str())
    }

    /// The variables that name a setting: those with levels, `A__B` or `A:B`.
    pub(super) fn setting_variables(&self) -> impl Iterator<Item = Variable<'_>> {
        self.variables.iter().filter_map(|(name, value)| {
            let keys: Vec<String> = name
                .replace("__", ":")
                .split(':')
                .map(str::to_lowercase)
                .collect();
            let names_a_setting = keys.len() > 1 && keys.iter().all(|key| !key.is_empty());
            names_a_setting.then_some(Variable { name, keys, value })
        })
    }

    /// A file of the folder, whatever the case of its name: `APP_ENVIRONMENT=sandbox` finds
    /// `appsettings.Sandbox.json` also where file names have a case.
    pub(super) fn file_in_folder(&self, name: &str) -> Option<PathBuf> {
        let exact = self.folder.join(name);
        if exact.is_file() {
            return Some(exact);
        }
        std::fs::read_dir(&self.folder)
            .ok()?
            .filter_map(|entry| Some(entry.ok()?.path()))
            .find(|path| path.is_file() && has_name(path, name))
    }
}

fn has_name(path: &Path, name: &str) -> bool {
    path.file_name()
        .is_some_and(|found| found.to_string_lossy().eq_ignore_ascii_case(name))
}

/// One environment variable that names a setting.
pub(super) struct Variable<'a> {
    pub name: &'a str,
    /// The levels of the key, in lower case.
    pub keys: Vec<String>,
    pub value: &'a str,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(variables: &[(&str, &str)]) -> Result<Environment, SettingsError> {
        Sources::new("nowhere", variables.iter().copied()).environment()
    }

    #[test]
    fn the_environment_is_ours_else_aspnetcores_else_production() {
        let ours = ("APP_ENVIRONMENT", "Sandbox");
        let theirs = ("ASPNETCORE_ENVIRONMENT", "Development");
        assert_eq!(environment(&[ours, theirs]).unwrap().as_str(), "Sandbox");
        assert!(environment(&[theirs]).unwrap().is_development());
        assert_eq!(environment(&[]).unwrap().as_str(), "Production");
        let empty = ("APP_ENVIRONMENT", "");
        assert!(environment(&[empty, theirs]).unwrap().is_development());
    }

    #[test]
    fn the_environment_cannot_lead_out_of_the_folder() {
        assert!(environment(&[("APP_ENVIRONMENT", "../../etc/x")]).is_err());
    }

    #[test]
    fn variables_without_levels_are_no_settings() {
        let names = ["STORAGE", "A__B", "c:d", "__E__F", "G__", "H"];
        let sources = Sources::new("nowhere", names.map(|name| (name, "")));
        let found: Vec<_> = sources.setting_variables().map(|v| v.name).collect();
        assert_eq!(found, ["A__B", "c:d"]);
    }
}
