//! Results of the labelling side about tasks of ours: the task takes its new status before
//! the callback is accepted. Whoever dies in between is asked again by the producer.

use crate::app::App;
use crate::records::RecordsError;
use crate::records::tasks::results::{Taken, TaskResult};
use crate::records::world::World;
use crate::work::batches;
use crate::work::rules::{Refused, take_result};
use std::collections::BTreeSet;

/// Applies results, each event once. Answers each, in order.
///
/// # Errors
/// [`RecordsError`]: nothing was applied.
pub async fn apply(app: &App, results: &[TaskResult]) -> Result<Vec<Taken<Refused>>, RecordsError> {
    let now = app.clock.now();
    let rule = |task: &mut _, result: &_| take_result(task, result, now.cast_signed());
    let taken = app.records.apply_results(results, now, rule).await?;
    let known = taken.iter().filter_map(|taken| match taken {
        Taken::Known(task) => Some(task),
        Taken::Unknown | Taken::Refused(_) => None,
    });
    let mut told = BTreeSet::new();
    for task in known {
        if let Some(batch) = &task.batch
            && told.insert((&task.team_id, &task.mode, batch))
        {
            let (team, mode) = (&task.team_id, task.mode());
            batches::hand_over(app, World { team, mode }, batch).await;
        }
    }
    Ok(taken)
}
