/** Content of any size from a seed, compared by bytes or by digest: never stored, never random. */
export {
  isSeeded,
  type Seed,
  seededBytes,
  seededDigest,
  seededView,
  seededViews,
} from '../../../server/src/demo/seeded-content.js';
