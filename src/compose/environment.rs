//! The variables that interpolation sees, each with the place that set it.

use indexmap::IndexMap;

use super::Spanned;
/// The process's variables, and those that env files add to them.
#[derive(Clone, Default, Debug)]
pub(super) struct Environment {
    variables: IndexMap<String, Spanned<String>>,
}

impl Environment {
    /// The process's own variables: they stand in no file, and nothing overrides them.
    pub(super) fn of_process(variables: &IndexMap<String, String>) -> Self {
        let variables = variables
            .iter()
            .map(|(name, value)| (name.clone(), Spanned::nowhere(value.clone())));
        Self {
            variables: variables.collect(),
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(|variable| variable.value.as_str())
    }

    /// A variable and where it was set; nowhere when it is the process's own.
    pub(super) fn variable(&self, name: &str) -> Option<&Spanned<String>> {
        self.variables.get(name)
    }

    /// These variables, and another environment's where these say nothing.
    pub(super) fn over(&self, other: &Self) -> Self {
        let mut both = self.clone();
        both.fill(other.variables.clone());
        both
    }

    /// Sets variables that are not set yet.
    pub(super) fn fill(&mut self, variables: impl IntoIterator<Item = (String, Spanned<String>)>) {
        for (name, variable) in variables {
            self.variables.entry(name).or_insert(variable);
        }
    }

    /// Sets a variable, also one that is set.
    pub(super) fn put(&mut self, name: String, variable: Spanned<String>) {
        self.variables.insert(name, variable);
    }

    pub(super) fn set(&mut self, name: &str, value: &str) {
        self.variables
            .insert(name.to_owned(), Spanned::nowhere(value.to_owned()));
    }

    pub(super) fn into_variables(self) -> IndexMap<String, String> {
        let pairs = self.variables.into_iter();
        pairs.map(|(name, variable)| (name, variable.value)).collect()
    }
}
