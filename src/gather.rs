//! Gathering what comes through a channel into batches. One that comes alone waits for
//! nobody; several at once mean that more will come soon, and a large batch costs its
//! consumer little more than a small one.

use std::time::Duration;
use tokio::sync::mpsc;

/// When a batch waits for more, and for how many.
#[derive(Debug, Clone, Copy)]
pub struct Gather {
    /// So many at once mean that more will come.
    pub company: usize,
    /// Then the batch waits for so long.
    pub wait: Duration,
    /// As many as go into one batch.
    pub most: usize,
}

impl Gather {
    /// The next batch; `None` when every sender is gone.
    pub async fn next<T>(&self, inbox: &mut mpsc::Receiver<T>) -> Option<Vec<T>> {
        let mut batch = Vec::new();
        if inbox.recv_many(&mut batch, self.most).await == 0 {
            return None;
        }
        if batch.len() >= self.company {
            tokio::time::sleep(self.wait).await;
            while batch.len() < self.most
                && let Ok(more) = inbox.try_recv()
            {
                batch.push(more);
            }
        }
        Some(batch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GATHER: Gather = Gather {
        company: 2,
        wait: Duration::from_millis(5),
        most: 3,
    };

    #[tokio::test(start_paused = true)]
    async fn one_goes_alone_and_several_wait_for_more() {
        let (sender, mut inbox) = mpsc::channel(8);
        sender.send(1).await.unwrap();
        assert_eq!(GATHER.next(&mut inbox).await, Some(vec![1]));
        sender.send(2).await.unwrap();
        sender.send(3).await.unwrap();
        let late = tokio::spawn(async move {
            for n in 4..=5 {
                sender.send(n).await.unwrap();
            }
        });
        assert_eq!(GATHER.next(&mut inbox).await, Some(vec![2, 3, 4]));
        late.await.unwrap();
        assert_eq!(GATHER.next(&mut inbox).await, Some(vec![5]));
        assert_eq!(GATHER.next(&mut inbox).await, None);
    }
}
