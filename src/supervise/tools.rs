//! What a run may call, and who answers.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use serde_json::Value;

/// A tool's answer: a JSON document, or a sentence for the code.
pub type Answer = Result<Box<serde_json::value::RawValue>, String>;

/// Carries tool calls to whoever serves them.
pub trait Tools: Send + Sync {
    /// Calls `tool`, which is on the run's list.
    fn call(
        &self,
        tool: String,
        arguments: Value,
        context: Option<Value>,
    ) -> Pin<Box<dyn Future<Output = Answer> + Send>>;
}

/// The tools of one run.
#[derive(Clone, Default)]
pub struct ToolSet {
    /// Name → whether its calls are awaited.
    pub names: HashMap<String, bool>,
    /// Who answers; `None` if there are no tools.
    pub server: Option<Arc<dyn Tools>>,
}

impl ToolSet {
    /// Names with their kind, in a stable order.
    #[must_use]
    pub fn listed(&self) -> Vec<(&str, bool)> {
        let mut listed: Vec<_> =
            self.names.iter().map(|(name, is_async)| (name.as_str(), *is_async)).collect();
        listed.sort_unstable();
        listed
    }
}
