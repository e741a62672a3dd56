/** Content of any size from a seed, compared by bytes or by digest. It is neither stored nor random. */
export {
  isSeeded,
  type Seed,
  seededBytes,
  seededDigest,
  seededView,
  seededViews,
} from '../../../server/src/demo/seeded-content.js';
