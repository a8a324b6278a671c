//! A bounded number of runs at once, and a bounded queue before them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tonic::Status;

/// The gate before all runs.
pub struct Admission {
    places: Arc<Semaphore>,
    most: usize,
    waiting: AtomicUsize,
    queue: usize,
    draining: watch::Sender<bool>,
}

/// Keeps the count of those that wait right, however a wait ends.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Admission {
    /// `places` runs at once, `queue` waiting.
    #[must_use]
    pub fn new(places: usize, queue: usize) -> Self {
        Self {
            places: Arc::new(Semaphore::new(places)),
            most: places,
            waiting: AtomicUsize::new(0),
            queue,
            draining: watch::Sender::new(false),
        }
    }

    /// Waits for a place.
    ///
    /// # Errors
    /// `RESOURCE_EXHAUSTED` if the queue is full, `UNAVAILABLE` once draining. Nothing of the
    /// request has run then, so a client may try again.
    pub async fn enter(&self) -> Result<OwnedSemaphorePermit, Status> {
        self.refuse_while_draining()?;
        if let Ok(place) = Arc::clone(&self.places).try_acquire_owned() {
            return Ok(place);
        }
        let before = self.waiting.fetch_add(1, Ordering::AcqRel);
        let _waiting = Waiting(&self.waiting);
        if before >= self.queue {
            return Err(Status::resource_exhausted(
                "all places are taken and the queue is full; try again, or raise \
                 limits.concurrent_runs or limits.queue",
            ));
        }
        let place = Arc::clone(&self.places)
            .acquire_owned()
            .await
            .map_err(|_| Status::unavailable("the executor is shutting down"))?;
        self.refuse_while_draining()?;
        Ok(place)
    }

    fn refuse_while_draining(&self) -> Result<(), Status> {
        if *self.draining.borrow() {
            return Err(Status::unavailable("the executor is shutting down"));
        }
        Ok(())
    }

    /// How many wait for a place.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Acquire)
    }

    /// How many hold one.
    #[must_use]
    pub fn running(&self) -> usize {
        self.most.saturating_sub(self.places.available_permits())
    }

    /// Resolves once nobody is let in any more.
    pub async fn draining(&self) {
        // Its sender lives as long as `self`.
        let _ = self.draining.subscribe().wait_for(|draining| *draining).await;
    }

    /// Whether draining, with nobody left inside.
    #[must_use]
    pub fn is_drained(&self) -> bool {
        *self.draining.borrow() && self.places.available_permits() == self.most
    }

    /// Lets nobody in any more; those that wait are turned away.
    pub fn drain(&self) {
        self.draining.send_replace(true);
        self.places.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_place_one_in_the_queue_then_full() {
        let admission = Arc::new(Admission::new(1, 1));
        let first = admission.enter().await.unwrap();
        let waiting = tokio::spawn({
            let admission = Arc::clone(&admission);
            async move { admission.enter().await.map(drop) }
        });
        while admission.waiting.load(Ordering::Acquire) == 0 {
            tokio::task::yield_now().await;
        }
        let full = admission.enter().await.unwrap_err();
        assert_eq!(full.code(), tonic::Code::ResourceExhausted);
        drop(first);
        waiting.await.unwrap().unwrap();
        drop(admission.enter().await.unwrap());
    }

    #[tokio::test]
    async fn draining_turns_away_those_who_wait() {
        let admission = Arc::new(Admission::new(1, 8));
        let _first = admission.enter().await.unwrap();
        let waiting = tokio::spawn({
            let admission = Arc::clone(&admission);
            async move { admission.enter().await.map(drop) }
        });
        tokio::task::yield_now().await;
        admission.drain();
        let turned_away = waiting.await.unwrap().unwrap_err();
        assert_eq!(turned_away.code(), tonic::Code::Unavailable);
    }
}
