import type { PredictOptions } from '@latent/tables';
import { UsageFault } from '../terminal/fault.ts';
import type { Call } from './command.ts';

/** How odd rows are told; at most one of them. */
export const PREDICT = {
  'false-alarms': {
    type: 'string',
    valueHint: 'rate',
    description: 'At most this share of usual rows is called odd; 0.01 by default',
  },
  confidence: { type: 'string', valueHint: 'share', description: 'Keep --false-alarms with this confidence' },
  'false-discoveries': {
    type: 'string',
    valueHint: 'rate',
    description: 'At most this share of the rows called odd is usual',
  },
  contamination: { type: 'string', valueHint: 'share', description: 'Call this share odd; no guarantee' },
  threshold: { type: 'string', valueHint: 'nats', description: 'Call rows of at least this score odd; no guarantee' },
} as const;

const share = { min: 0, max: 1 };

/** Of false alarms, where nothing is said of how odd rows are told. */
export const USUAL_RATE = 0.01;

export function predictOptions(call: Call): PredictOptions {
  const confidence = call.number('confidence', share);
  const falseAlarmRate = call.number('false-alarms', share);
  const falseDiscoveryRate = call.number('false-discoveries', share);
  const contamination = call.number('contamination', share);
  const threshold = call.number('threshold');
  const given = [falseAlarmRate, falseDiscoveryRate, contamination, threshold].filter((x) => x !== undefined);
  if (given.length > 1) {
    throw new UsageFault('give one of --false-alarms, --false-discoveries, --contamination, --threshold');
  }
  if (confidence !== undefined && given.length > 0 && falseAlarmRate === undefined) {
    throw new UsageFault('--confidence goes with --false-alarms');
  }
  if (falseDiscoveryRate !== undefined) return { falseDiscoveryRate };
  if (contamination !== undefined) return { contamination };
  if (threshold !== undefined) return { threshold };
  return { falseAlarmRate: falseAlarmRate ?? USUAL_RATE, ...(confidence !== undefined && { confidence }) };
}
