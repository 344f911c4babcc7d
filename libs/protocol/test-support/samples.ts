/* Parts of which a spec makes messages. */

export const sagaid = '01900000-0000-7000-8000-000000000001';
export const envelope = { specversion: '1.0', id: '1', source: 'test' };
/** What names an attempt. */
export const work = {
  sagaid,
  step: 'a',
  direction: 'forward',
  run: 1,
  attempt: 1,
  effectkey: 'k',
  worker: 'q.a',
  replytoken: 't',
};
