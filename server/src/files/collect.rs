//! Deletes what nobody needs: uploads that were given up, files that were not sent or whose messages are gone, and the objects of all
//! of these.
//!
//! Every node does this, in small steps. Nodes that do it at the same moment skip what others have locked. See
//! [`crate::store::blobs`] for why nothing is deleted that somebody is just about to use.

use std::sync::Arc;

use uuid::Uuid;

use super::{Error, Files};

/// How long an upload may rest, and a file wait for its message, in hours.
const UNUSED_HOURS: f64 = 24.0;
/// Uploads, or files, in one transaction.
const STEP: usize = 100;
/// Files that are looked at in one step: some milliseconds.
const SWEEP: i64 = 2_000;
/// Objects that are deleted in one step.
const OBJECTS: i64 = 200;

pub(super) async fn run(files: Arc<Files>) {
    let mut after = Uuid::nil();
    let pause = files.node.tuning().files_check;
    loop {
        // Nodes that start together do not do the same at the same moment.
        tokio::time::sleep(pause.mul_f64(rand::random_range(0.75..1.25))).await;
        match files.collect(after).await {
            Ok(next) => after = next,
            Err(error) => {
                files.node.metrics.collections_failed.inc();
                tracing::warn!(%error, "files were not collected; this is tried again");
            }
        }
    }
}

impl Files {
    /// One step. Returns after which file to go on.
    async fn collect(&self, after: Uuid) -> Result<Uuid, Error> {
        let count = i64::try_from(STEP).unwrap_or(i64::MAX);
        let expire = || {
            let store = self.node.store.clone();
            self.ask("old uploads", async move { store.expire_uploads(UNUSED_HOURS, count).await })
        };
        while expire().await? == STEP {}
        let store = self.node.store.clone();
        let swept = self
            .ask("unused files", async move { store.sweep_files(after, UNUSED_HOURS, SWEEP).await })
            .await?;
        for unused in swept.unused.chunks(STEP) {
            let (store, unused) = (self.node.store.clone(), unused.to_vec());
            let deleted =
                self.ask("unused files", async move { store.delete_unused_files(&unused).await }).await?;
            tracing::debug!(files = deleted, "deleted unused files");
        }
        while self.delete_objects().await? {}
        Ok(swept.through.unwrap_or_default())
    }

    /// Deletes some of the objects whose time has come. Says whether there may be more.
    async fn delete_objects(&self) -> Result<bool, Error> {
        let store = self.node.store.clone();
        let taken =
            self.ask("doomed objects", async move { store.take_doomed_objects(OBJECTS).await }).await?;
        let is_last = (taken.len() as i64) < OBJECTS;
        let mut deleted = Vec::with_capacity(taken.len());
        let mut failure = None;
        for object in taken {
            match self.blobs.delete(object).await {
                Ok(()) => {
                    self.node.metrics.objects_deleted.inc();
                    deleted.push(object);
                }
                Err(error) => failure = Some(error),
            }
            if failure.is_some() {
                break;
            }
        }
        let store = self.node.store.clone();
        self.ask("deleted objects", async move { store.forget_objects(&deleted).await }).await?;
        match failure {
            Some(error) => Err(error.into()),
            None => Ok(!is_last),
        }
    }
}
