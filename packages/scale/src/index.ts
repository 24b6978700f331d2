export type { DataLike, PartsOptions } from './data/given.ts';
export type { Part } from './data/part.ts';
export { type DistributedFitOptions, type DistributedHistory, distributedFit } from './distributed-fit.ts';
export {
  type DistributedScoreOptions,
  type DistributedScores,
  distributedScore,
  type ScoredPart,
} from './distributed-score.ts';
export { type BullmqOptions, bullmqEngine } from './engine/bullmq.ts';
export type { Engine, Flow, Job, JobState, Overview } from './engine/engine.ts';
export { type LocalEngine, type LocalEngineOptions, localEngine } from './engine/local.ts';
export { type ModelKind, registerModelKind, type ScoreOptions, type Scores, type WorkerModule } from './model/kind.ts';
export { type RecordKind, type RowsFile, registerRecordKind } from './model/record-kind.ts';
export type { RunPlace } from './run/connect.ts';
export { RunError } from './run/follow.ts';
export type { Baseline, RoundEvent } from './run/history.ts';
export type { StepTraining } from './run/order.ts';
export { type Simulated, type SimulateOptions, simulate } from './simulate/simulate.ts';
export { type RunStatus, type Status, type StatusOptions, status } from './status.ts';
export { folderStore } from './store/folder.ts';
export { memoryStore } from './store/memory.ts';
export { type RedisClient, redisStore } from './store/redis.ts';
export { type Store, StoreError } from './store/store.ts';
export type { StoreLike } from './store/store-of.ts';
export { type SweepOptions, type SweepResult, sweep, type Trial, type TrialResult } from './sweep.ts';
export type { OuterOptions } from './train/average.ts';
export { startWorker, type WorkerHandle, type WorkerOptions } from './worker/start-worker.ts';
