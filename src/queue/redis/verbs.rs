//! The port's verbs on shards: grouping what comes, one script call a shard, all at once.

use crate::callback::{CallbackId, TeamId, TimestampMs};
use crate::queue::listing::{LOOKED_AT_MAX, ListedLane};
use crate::queue::redis::answers::Answered;
use crate::queue::redis::shards::{Told, malformed};
use crate::queue::redis::wire::{self, Arg, Malformed, Reader};
use crate::queue::redis::{RedisQueue, SETTLE_MAX, Step, ask};
use crate::queue::{
    Claim, Claimed, Depths, Entry, LaneCounts, LaneView, Origin, Queue, QueueError, Settled,
    Settlement, Signal, Steer,
};
use async_trait::async_trait;
use std::sync::atomic::Ordering;
use tokio::sync::oneshot;

/// Looks at a shard that does not come to rest.
const LOOKS_MAX: usize = 3;

#[async_trait]
impl Queue for RedisQueue {
    async fn push(&self, entries: Vec<Entry>) -> Result<Vec<CallbackId>, QueueError> {
        // Who only pushes needs to know how many slots there are, too: the script decides
        // whether the team has its share of them. If Redis is away, the push will tell.
        let _ = self.pulse.beat(&self.shards).await;
        self.push_as(0, &entries).await
    }

    async fn claim(&self, max: usize) -> Result<Claimed, QueueError> {
        self.pulse.beat(&self.shards).await?;
        let mut claimed = Claimed::default();
        // Every round gives all it was asked for or finds a shard that has no more.
        for _ in 0..=2 * self.shards.count() {
            let left = max - claimed.claims.len();
            if left == 0 || !self.claim_round(left, &mut claimed).await? {
                break;
            }
        }
        Ok(claimed)
    }

    async fn answered(
        &self,
        claim: &Claim,
        signal: Signal,
        slot_ms: u64,
    ) -> Result<(), QueueError> {
        let (done, answer) = oneshot::channel();
        let answered = Answered {
            shard: self.shards.of(&claim.entry.team),
            claim: (claim.entry.id, claim.token),
            signal,
            slot_ms,
            done,
        };
        let stopped = || QueueError::Unavailable("the queue is closed".to_owned());
        let sent = self.answers.send(answered).await;
        sent.map_err(|_| stopped())?;
        answer.await.map_err(|_| stopped())?
    }

    async fn settle(&self, settlements: Vec<Settlement>) -> Result<Vec<Settled>, QueueError> {
        let now = self.shards.clock.now();
        let mut groups: Vec<Vec<usize>> = vec![Vec::new(); self.shards.count()];
        for (at, settlement) in settlements.iter().enumerate() {
            groups[self.shards.of(&settlement.claim.entry.team)].push(at);
        }
        let (mut asks, mut chunks) = (Vec::new(), Vec::new());
        for (shard, group) in groups.iter().enumerate() {
            for chunk in group.chunks(SETTLE_MAX) {
                let mut packed = Vec::with_capacity(48 * chunk.len());
                for &at in chunk {
                    wire::settle(&mut packed, &settlements[at], now);
                }
                asks.push(ask(&self.shards.scripts.settle, shard, vec![packed]));
                chunks.push(chunk);
            }
        }
        let ids: Vec<_> = settlements.iter().map(|it| it.claim.entry.id).collect();
        let mut settled: Vec<_> = ids.iter().map(|&id| Settled::LeaseLost(id)).collect();
        let mut failed = None;
        for (told, chunk) in self.shards.run(asks).await.into_iter().zip(chunks) {
            let codes = told.and_then(|mut told| {
                self.shards.hear_soonest(&mut told)?;
                told.rest.bytes().map_err(malformed)
            });
            match codes {
                Ok(codes) if codes.len() != chunk.len() => return Err(malformed(Malformed)),
                Ok(codes) => {
                    for (&at, code) in chunk.iter().zip(codes) {
                        settled[at] = wire::settled(code, ids[at]).map_err(malformed)?;
                    }
                }
                Err(error) => failed = Some(error),
            }
        }
        failed.map_or(Ok(settled), Err)
    }

    async fn release(&self, team: &TeamId) -> Result<u64, QueueError> {
        /// As `release.lua` bounds it.
        const AT_A_TIME: u64 = 500;
        let shard = self.shards.of(team);
        let mut total = 0;
        loop {
            let args = vec![team.as_bytes().to_vec()];
            let script = &self.shards.scripts.release;
            let mut told = self.shards.change(script, shard, args).await?;
            let released = told.rest.count().map_err(malformed)?;
            total += released;
            if released < AT_A_TIME {
                return Ok(total);
            }
        }
    }

    async fn remove(&self, ids: &[CallbackId]) -> Result<(), QueueError> {
        // An id does not tell its team, so every shard is asked.
        let args: Vec<Arg> = ids.iter().map(|&id| wire::id(id)).collect();
        for shard in 0..self.shards.count() {
            let script = &self.shards.scripts.remove;
            self.shards.change(script, shard, args.clone()).await?;
        }
        Ok(())
    }

    async fn steer(
        &self,
        team: &TeamId,
        origin: &Origin,
        steer: Steer,
    ) -> Result<bool, QueueError> {
        let args = wire::steer((team, origin), steer, self.shards.clock.now());
        let (script, shard) = (&self.shards.scripts.steer, self.shards.of(team));
        let mut told = self.shards.change(script, shard, args).await?;
        Ok(told.rest.number().map_err(malformed)? == 1)
    }

    async fn lane(&self, team: &TeamId, origin: &Origin) -> Result<Option<LaneView>, QueueError> {
        let args = vec![team.as_bytes().to_vec(), origin.as_bytes().to_vec()];
        let ask = ask(&self.shards.scripts.lane, self.shards.of(team), args);
        let mut told = self.shards.run(vec![ask]).await.remove(0)?;
        if told.rest.is_empty() {
            return Ok(None);
        }
        let clocks = (told.there, told.here);
        let view = told.rest.list();
        let view = view.and_then(|mut view| lane_view(&mut view, clocks));
        view.map(Some).map_err(malformed)
    }

    async fn list_lanes(&self, team: Option<&TeamId>) -> Result<Vec<ListedLane>, QueueError> {
        let shards = match team {
            Some(team) => vec![self.shards.of(team)],
            None => (0..self.shards.count()).collect(),
        };
        let mut found = Vec::new();
        for shard in shards {
            let mut cursor = "0".to_owned();
            loop {
                let args = vec![cursor.into_bytes()];
                let asks = vec![ask(&self.shards.scripts.lanes, shard, args)];
                let mut told = self.shards.run(asks).await.remove(0)?;
                cursor = told.rest.text().map_err(malformed)?;
                let of_anybody = listed(&mut told).map_err(malformed)?.into_iter();
                found.extend(of_anybody.filter(|lane| team.is_none_or(|team| lane.team == *team)));
                if cursor == "0" || found.len() >= LOOKED_AT_MAX {
                    break;
                }
            }
        }
        Ok(found)
    }

    async fn team_depth(&self, team: &TeamId) -> Result<u64, QueueError> {
        let args = vec![team.as_bytes().to_vec()];
        let ask = ask(&self.shards.scripts.depths, self.shards.of(team), args);
        let mut told = self.shards.run(vec![ask]).await.remove(0)?;
        Ok(depths(&mut told).map_err(malformed)?.1)
    }

    async fn depths(&self) -> Result<Depths, QueueError> {
        let nobody = || vec![Vec::new()];
        let asks =
            (0..self.shards.count()).map(|shard| ask(&self.shards.scripts.depths, shard, nobody()));
        let mut sum = Depths::default();
        for told in self.shards.run(asks.collect()).await {
            let (depths, _) = depths(&mut told?).map_err(malformed)?;
            sum.ready += depths.ready;
            sum.scheduled += depths.scheduled;
            sum.leased += depths.leased;
            sum.waiting += depths.waiting;
            sum.held += depths.held;
            sum.lanes_parked += depths.lanes_parked;
            sum.oldest_due = sum.oldest_due.into_iter().chain(depths.oldest_due).min();
        }
        Ok(sum)
    }

    async fn lanes(&self) -> Result<LaneCounts, QueueError> {
        let asks = (0..self.shards.count())
            .map(|shard| ask(&self.shards.scripts.depths, shard, vec![Vec::new()]));
        let mut sum = LaneCounts::default();
        for told in self.shards.run(asks.collect()).await {
            let mut told = told?;
            let counts = depths(&mut told).and_then(|_| lane_counts(&mut told));
            let counts = counts.map_err(malformed)?;
            sum.known += counts.known;
            sum.open += counts.open;
            sum.throttled += counts.throttled;
            sum.windows += counts.windows;
        }
        Ok(sum)
    }

    async fn next_due(&self) -> Result<Option<TimestampMs>, QueueError> {
        let mut shards = self.shards.rounds().inexact(self.shards.clock.now());
        // Once is enough unless a wake-up comes meanwhile; too early a look is no harm.
        for _ in 0..LOOKS_MAX {
            if shards.is_empty() {
                break;
            }
            self.look_at(shards).await?;
            shards = self.shards.rounds().uncertain();
        }
        Ok(self.shards.rounds().next())
    }

    async fn woken(&self) {
        self.shards.woken.notified().await;
    }

    async fn is_whole(&self) -> Result<bool, QueueError> {
        let in_doubt = self.shards.rounds().in_doubt();
        self.look_at(in_doubt).await?;
        Ok(self.shards.rounds().is_whole())
    }

    fn may_lack_the_latest(&self) -> bool {
        let opened = self.shards.link.opened();
        self.opened.swap(opened, Ordering::Relaxed) != opened
    }

    async fn begin_rebuild(&self) -> Result<Option<u64>, QueueError> {
        // Lua keeps whole numbers up to 53 bits; 0 is no token.
        let token = rand::random_range(1..1 << 53);
        let has_begun = self.mark(token, Step::Begin).await?;
        Ok(has_begun.then_some(token))
    }

    async fn push_rebuilt(
        &self,
        token: u64,
        entries: Vec<Entry>,
    ) -> Result<Vec<CallbackId>, QueueError> {
        if !self.mark(token, Step::Renew).await? {
            return Err(QueueError::Rebuilding);
        }
        self.push_as(token, &entries).await
    }

    async fn end_rebuild(&self, token: u64) -> Result<bool, QueueError> {
        self.mark(token, Step::End).await
    }
}

fn depths(told: &mut Told) -> Result<(Depths, u64), Malformed> {
    let (there, here) = (told.there, told.here);
    let rest = &mut told.rest;
    let depths = Depths {
        ready: rest.count()?,
        scheduled: rest.count()?,
        leased: rest.count()?,
        waiting: rest.count()?,
        held: rest.count()?,
        lanes_parked: rest.count()?,
        oldest_due: rest.time(there, here)?,
    };
    Ok((depths, rest.count()?))
}

/// What follows the depths.
fn lane_counts(told: &mut Told) -> Result<LaneCounts, Malformed> {
    let rest = &mut told.rest;
    let (known, open) = (rest.count()?, rest.count()?);
    let due = rest.count()?;
    Ok(LaneCounts {
        known,
        open,
        throttled: due.saturating_sub(open),
        windows: rest.count()?,
    })
}

/// A page of `lanes.lua`.
fn listed(told: &mut Told) -> Result<Vec<ListedLane>, Malformed> {
    let clocks = (told.there, told.here);
    let mut page = told.rest.list()?;
    let mut lanes = Vec::new();
    while !page.is_empty() {
        lanes.push(ListedLane {
            team: page.text()?.into(),
            origin: page.text()?.into(),
            lane: lane_view(&mut page.list()?, clocks)?,
        });
    }
    Ok(lanes)
}

/// What `view.lua` tells, with Redis's clock and ours.
fn lane_view(
    rest: &mut Reader,
    (there, here): (TimestampMs, TimestampMs),
) -> Result<LaneView, Malformed> {
    let short = |wide: u64| u32::try_from(wide).unwrap_or(u32::MAX);
    let (window, in_flight) = (short(rest.count()?), short(rest.count()?));
    let ready = rest.count()?;
    let is_set = |time: &TimestampMs| *time > 0;
    let parked_until = rest.time(there, here)?.filter(is_set);
    let rests_until = rest.time(there, here)?.filter(|&until| until > here);
    let mean_ms = rest.number()?;
    let blocked = parked_until.max(rests_until).filter(|&until| until > here);
    let drained_in_ms = u64::try_from(mean_ms).ok().map(|mean_ms| {
        let busy_ms = ready.saturating_mul(mean_ms) / u64::from(window.max(1));
        blocked
            .map_or(0, |until| until - here)
            .saturating_add(busy_ms)
    });
    let limit = Some(short(rest.count()?)).filter(|most| *most > 0);
    Ok(LaneView {
        window,
        in_flight,
        ready,
        parked_until,
        rests_until,
        limit,
        drained_in_ms,
    })
}
