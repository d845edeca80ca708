//! Spells, once after the start, the names that a server without pinyin wrote: see
//! [`Store::spell_people`](crate::store::Store::spell_people).

use std::{sync::Arc, time::Duration};

use uuid::Uuid;

use super::Node;

/// The pause between two steps, because others need the database, too.
const PAUSE: Duration = Duration::from_millis(50);
/// The pause after a step that failed.
const FAILED_PAUSE: Duration = Duration::from_secs(30);

/// Looks once at every name with Chinese characters.
pub(super) async fn names(node: Arc<Node>) {
    let mut after = Some(Uuid::nil());
    while let Some(from) = after {
        let store = node.store.clone();
        after = next(&node, from, async move { store.spell_people(from).await }).await;
    }
    let mut after = Some(Uuid::nil());
    while let Some(from) = after {
        let store = node.store.clone();
        after = next(&node, from, async move { store.spell_rooms(from).await }).await;
    }
}

/// Where to continue: after this step, or, if it failed, at its beginning after a pause.
async fn next(
    node: &Node,
    from: Uuid,
    step: impl Future<Output = Result<Option<Uuid>, crate::store::Error>> + Send + 'static,
) -> Option<Uuid> {
    match node.attempt("spelling names", step).await {
        Some(Ok(last)) => {
            if last.is_some() {
                tokio::time::sleep(PAUSE).await;
            }
            last
        }
        failed => {
            if let Some(Err(error)) = failed {
                tracing::warn!(%error, "names could not be spelled");
            }
            tokio::time::sleep(FAILED_PAUSE).await;
            Some(from)
        }
    }
}
