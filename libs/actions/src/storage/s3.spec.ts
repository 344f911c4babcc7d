import { expect, test } from '@jest/globals';
import { S3Storage, peer } from './s3.js';

test('a package that is not installed is named, with the command that installs it', async () => {
  const name = '@aws-sdk/no-such-client';
  await expect(peer(name, () => import(name))).rejects.toMatchObject({
    code: 'PEER_MISSING',
    message: 'S3Storage needs the package @aws-sdk/no-such-client: npm install @aws-sdk/no-such-client',
    retryable: false,
  });
});

test('a bad key is refused before anything is asked of S3', async () => {
  const storage = new S3Storage({ bucket: 'none' });
  await expect(storage.read('../x')).rejects.toMatchObject({ code: 'BAD_KEY' });
  await expect(storage.delete('../x')).rejects.toMatchObject({ code: 'BAD_KEY' });
  await expect(storage.list('../x')).rejects.toMatchObject({ code: 'BAD_KEY' });
});
