//! Gathering what comes through a channel into batches. One that comes alone waits for
//! nobody; several at once mean that more will come soon, and a large batch costs its
//! consumer little more than a small one.

use std::time::Duration;
use tokio::sync::mpsc;

/// Waits of one batch at most.
const WAITS_MAX: u32 = 4;

/// When a batch waits for more, and for how many.
#[derive(Debug, Clone, Copy)]
pub struct Gather {
    /// So many at once mean that more will come.
    pub company: usize,
    /// Then the batch waits for so long,
    pub wait: Duration,
    /// and again while there are fewer than so many, up to four times in all. The same as
    /// `company`: once.
    pub plenty: usize,
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
        if batch.len() < self.company {
            return Some(batch);
        }
        for _ in 0..WAITS_MAX {
            tokio::time::sleep(self.wait).await;
            self.add(&mut batch, inbox);
            if batch.len() >= self.plenty {
                break;
            }
        }
        Some(batch)
    }

    /// What is there already, as far as there is room.
    fn add<T>(&self, batch: &mut Vec<T>, inbox: &mut mpsc::Receiver<T>) {
        while batch.len() < self.most
            && let Ok(more) = inbox.try_recv()
        {
            batch.push(more);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GATHER: Gather = Gather {
        company: 2,
        wait: Duration::from_millis(5),
        plenty: 2,
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

    #[tokio::test(start_paused = true)]
    async fn a_batch_waits_again_until_there_is_plenty() {
        let patient = Gather {
            plenty: 3,
            ..GATHER
        };
        let (sender, mut inbox) = mpsc::channel(8);
        let started = tokio::time::Instant::now();
        sender.try_send(1).unwrap();
        sender.try_send(2).unwrap();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(7)).await;
            sender.send(3).await.unwrap();
            tokio::time::sleep(Duration::from_millis(13)).await;
            sender.try_send(4).unwrap();
            sender.try_send(5).unwrap();
            tokio::time::sleep(Duration::from_secs(1)).await;
        });
        assert_eq!(patient.next(&mut inbox).await, Some(vec![1, 2, 3]));
        assert_eq!(started.elapsed(), 2 * GATHER.wait);
        assert_eq!(patient.next(&mut inbox).await, Some(vec![4, 5]));
        let began = Duration::from_millis(20);
        assert_eq!(started.elapsed(), began + 4 * GATHER.wait, "never plenty");
    }
}
