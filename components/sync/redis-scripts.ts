/** What is done inside Redis, atomically: the scripts in Lua. They read and write bookkeeping as `entryText` says. */
import { RedisScript } from "./redis-script.js";

/** KEYS[1]: the fence; ARGV[1]: the epoch of whoever writes, empty where it does not matter. A lower fence, or none after a flush, is raised. */
const FENCE = `
local fence, epoch = tonumber(redis.call('GET', KEYS[1]) or '0'), tonumber(ARGV[1]) or math.huge
if fence > epoch then
  return redis.error_reply('FENCED ' .. string.match(KEYS[1], '^_millrace:(.*):fence$') .. ' ' .. fence .. ' ' .. ARGV[1])
end
if fence < epoch and ARGV[1] ~= '' then redis.call('SET', KEYS[1], ARGV[1]) end
`;

/** MGET says nothing for a key that holds no string as for one that is not there: the types of those, by their place. */
const WRONG_TYPES = `
local function wrongTypes(names, texts)
  local missing, wrong = {}, {}
  for i = 1, #names do if not texts[i] then missing[#missing + 1] = names[i] end end
  if #missing == 0 or redis.call('EXISTS', unpack(missing)) == 0 then return wrong end
  for i = 1, #names do
    local kind = texts[i] and 'none' or redis.call('TYPE', names[i]).ok
    if kind ~= 'none' then wrong[i] = kind end
  end
  return wrong
end
`;

/** As `isForeignInRedis`. */
const FOREIGN = `
local function isForeign(text, entry)
  if text then return not entry or string.sub(entry, 18, 57) ~= redis.sha1hex(text) end
  return entry and string.sub(entry, 18, 18) ~= '-'
end
`;

/** Whether MongoDB knows what the bookkeeping says. */
const KNOWN = `
local function isKnown(entry)
  if string.sub(entry, 18, 18) == '-' then return #entry == 18 end
  return #entry == 57 or string.sub(entry, 58, 58) == '='
end
`;

/** What Redis has counted of changes; empty where it does not say. Saving begins anew, and says when. */
const COUNTED = `
local function counted()
  local info = redis.pcall('INFO', 'persistence')
  return type(info) == 'string' and string.match(info, 'rdb_changes_since_last_save:.-rdb_last_save_time:%d+') or ''
end
`;

/** As `nextVersion` of `version.ts`, for the origin "r" and one stored version. */
export const NEXT_VERSION = `
local function nextVersion(now, stored)
  local ms, count = math.floor(now), 0
  if stored then
    local storedMs, storedCount = tonumber(string.sub(stored, 1, 12), 16), tonumber(string.sub(stored, 13, 16), 16)
    if storedMs >= ms then
      ms, count = storedMs, storedCount + 1
      if count == 65536 then ms, count = ms + 1, 0 end
    end
  end
  return string.format('%012x%04xr', ms, count)
end
`;

/**
 * KEYS: fence, entries, ids, token. ARGV: epoch, prefix, "1" where a token is stored, the token, the number of changes, what all
 * of them have for bookkeeping or nothing, then for each its id, its text and, where they do not have it in common, its
 * bookkeeping behind `w` (write), `n` (only where it is new) or `d` (delete), of a text without its hash if that is to be made
 * here; then of those whose `_id` is another: the place, the `_id`. Replies what Redis
 * had counted of changes before it and after it, then only what was not simply done: place, outcome, what belongs to it.
 */
export const APPLY = new RedisScript(`${COUNTED}
local before = counted()
${FENCE}${WRONG_TYPES}${FOREIGN}${KNOWN}
local entriesKey, prefix, count, common, sub = KEYS[2], ARGV[2], tonumber(ARGV[5]), ARGV[6], string.sub
local width, reply, isDone = common == '' and 3 or 2, { before, '' }, {}
local function answer(i, outcome, detail)
  local at = #reply
  reply[at + 1], reply[at + 2], reply[at + 3] = i, outcome, detail or ''
end
local ids, names, changes, isNew = {}, {}, {}, true
for i = 1, count do
  local at = 7 + width * (i - 1)
  ids[i], names[i] = ARGV[at], prefix .. ARGV[at]
  changes[i] = width == 2 and common or ARGV[at + 2]
end
local function newEntry(i, text)
  local new = sub(changes[i], 2)
  return #new == 17 and new .. redis.sha1hex(text) or new
end
local entries = count > 0 and redis.call('HMGET', entriesKey, unpack(ids)) or {}
for i = 1, count do
  if entries[i] or sub(changes[i], 1, 1) == 'd' then
    isNew = false
    break
  end
end
local function putAll()
  local sets, fields = {}, {}
  for i = 1, count do
    local text, at = ARGV[8 + width * (i - 1)], 2 * i
    sets[at - 1], sets[at] = names[i], text
    fields[at - 1], fields[at] = ids[i], newEntry(i, text)
  end
  if redis.call('MSETNX', unpack(sets)) == 0 then return false end
  redis.call('HSET', entriesKey, unpack(fields))
  for i = 1, count do isDone[i] = true end
  return true
end
local function putEach()
  local sets, fields, gone = {}, {}, {}
  local texts = redis.call('MGET', unpack(names))
  local wrong = wrongTypes(names, texts)
  for i = 1, count do
    local entry, kind, new = entries[i], sub(changes[i], 1, 1), newEntry(i, ARGV[8 + width * (i - 1)])
    local v = sub(new, 1, 17)
    if wrong[i] then answer(i, 'wrong type', wrong[i])
    elseif isForeign(texts[i], entry) then answer(i, 'foreign')
    elseif entry and kind == 'n' then
      local hash = sub(new, 18)
      answer(i, (sub(entry, 18) == hash or sub(entry, 58) == '=' .. hash) and 'same' or 'foreign')
    elseif entry and sub(entry, 1, 17) == v then
      answer(i, 'same')
      if kind == 'd' and sub(entry, 18, 18) == '-' then redis.call('HSET', entriesKey, ids[i], new) end
    elseif entry and sub(entry, 1, 17) > v then answer(i, 'later', sub(entry, 1, 17))
    elseif entry and not isKnown(entry) then answer(i, 'unseen')
    else
      isDone[i] = true
      local at = #fields
      fields[at + 1], fields[at + 2] = ids[i], new
      if kind ~= 'd' then
        at = #sets
        sets[at + 1], sets[at + 2] = names[i], ARGV[8 + width * (i - 1)]
      elseif texts[i] then gone[#gone + 1] = names[i] end
    end
  end
  if #sets > 0 then redis.call('MSET', unpack(sets)) end
  if #gone > 0 then redis.call('DEL', unpack(gone)) end
  if #fields > 0 then redis.call('HSET', entriesKey, unpack(fields)) end
end
-- Where there is neither bookkeeping nor key, nothing has to be compared.
if count > 0 and not (isNew and putAll()) then putEach() end
for at = 7 + width * count, #ARGV, 2 do
  local i, documentId = tonumber(ARGV[at]), ARGV[at + 1]
  if isDone[i] and sub(changes[i], 1, 1) == 'd' then redis.call('HDEL', KEYS[3], documentId)
  elseif isDone[i] then redis.call('HSET', KEYS[3], documentId, ids[i]) end
end
if ARGV[3] == '1' then redis.call('SET', KEYS[4], ARGV[4]) end
reply[2] = counted()
return reply
`);

/** KEYS: entries. ARGV: prefix, then the ids. Replies the texts, the bookkeeping, and the types of those that are no strings: place, type. */
export const READ = new RedisScript(`${WRONG_TYPES}
local names, types = {}, {}
for i = 2, #ARGV do names[i - 1] = ARGV[1] .. ARGV[i] end
local texts = redis.call('MGET', unpack(names))
for i, kind in pairs(wrongTypes(names, texts)) do types[#types + 1] = i; types[#types + 1] = kind end
return { texts, redis.call('HMGET', KEYS[1], unpack(ARGV, 2)), types }
`);

/** KEYS: entries. ARGV: prefix, then the ids. Replies the places of those whose keys are not what the bookkeeping says, below zero where there is no key. */
export const FOREIGN_AMONG = new RedisScript(`${WRONG_TYPES}${FOREIGN}
local names, places = {}, {}
for i = 2, #ARGV do names[i - 1] = ARGV[1] .. ARGV[i] end
local texts = redis.call('MGET', unpack(names))
local entries = redis.call('HMGET', KEYS[1], unpack(ARGV, 2))
local wrong = wrongTypes(names, texts)
for i = 1, #names do
  if wrong[i] then places[#places + 1] = i
  elseif isForeign(texts[i], entries[i]) then places[#places + 1] = texts[i] and i or -i end
end
return places
`);

/** KEYS: entries. ARGV: prefix, then id and version (empty: none) of documents. Replies the places of those that cannot be level. */
export const UNLEVEL_AMONG = new RedisScript(`
local ids, names, places, prefix, sub, sha1hex = {}, {}, {}, ARGV[1], string.sub, redis.sha1hex
for i = 1, (#ARGV - 1) / 2 do
  local id = ARGV[2 * i]
  ids[i], names[i] = id, prefix .. id
end
local texts = redis.call('MGET', unpack(names))
local entries = redis.call('HMGET', KEYS[1], unpack(ids))
for i = 1, #ids do
  local text, entry, v = texts[i], entries[i], ARGV[2 * i + 1]
  local hash = text and entry and sha1hex(text)
  if not hash then places[#places + 1] = i
  elseif entry ~= v .. hash then
    local isSame = v == '' and sub(entry, 58) ~= '-' or sub(entry, 1, 17) == v
    if not isSame or sub(entry, 18, 57) ~= hash then places[#places + 1] = i end
  end
end
return places
`);

/**
 * KEYS: fence, entries, ids. ARGV: epoch, prefix, the number of records, then for each its id, the hash of the text that was read,
 * the bookkeeping that was read (both empty where there was none), the new bookkeeping (empty: as it is), `w` (write), `d`
 * (delete) or `k` (the key as it is), the text; then the place and `_id` of those whose `_id` is another. Replies the places
 * of those that were not what had been read.
 */
export const COMMIT = new RedisScript(`${FENCE}${WRONG_TYPES}
local ids, names, changed = {}, {}, {}
for i = 1, tonumber(ARGV[3]) do
  ids[i] = ARGV[6 * i - 2]
  names[i] = ARGV[2] .. ids[i]
end
local texts = redis.call('MGET', unpack(names))
local entries = redis.call('HMGET', KEYS[2], unpack(ids))
local wrong = wrongTypes(names, texts)
local sets, fields, gone, isDone = {}, {}, {}, {}
for i = 1, #ids do
  local at = 6 * i - 2
  local hash = texts[i] and redis.sha1hex(texts[i]) or ''
  if wrong[i] or hash ~= ARGV[at + 1] or (entries[i] or '') ~= ARGV[at + 2] then changed[#changed + 1] = i
  else
    isDone[i] = true
    local kind = ARGV[at + 4]
    if kind == 'w' then sets[#sets + 1] = names[i]; sets[#sets + 1] = ARGV[at + 5]
    elseif kind == 'd' and texts[i] then gone[#gone + 1] = names[i] end
    if ARGV[at + 3] ~= '' then fields[#fields + 1] = ids[i]; fields[#fields + 1] = ARGV[at + 3] end
  end
end
if #sets > 0 then redis.call('MSET', unpack(sets)) end
if #gone > 0 then redis.call('DEL', unpack(gone)) end
if #fields > 0 then redis.call('HSET', KEYS[2], unpack(fields)) end
for at = 6 * #ids + 4, #ARGV, 2 do
  local i = tonumber(ARGV[at])
  if isDone[i] then
    if string.sub(ARGV[6 * i + 1], 18, 18) == '-' then redis.call('HDEL', KEYS[3], ARGV[at + 1])
    else redis.call('HSET', KEYS[3], ARGV[at + 1], ids[i]) end
  end
end
return changed
`);

/**
 * KEYS: entries, outbox, the writer's requests. ARGV: prefix, id, the clock, `w` or `d`, the text, slot and number of the request,
 * for how long requests are remembered in milliseconds. Replies the version and the one before (empty: none); or, where the key holds
 * no string, its type alone. A request that was made already is not made again: its reply is that of the first time.
 */
export const WRITE = new RedisScript(`${NEXT_VERSION}
local request = ARGV[7] .. ' '
local made = redis.call('HGET', KEYS[3], ARGV[6])
if made and string.sub(made, 1, #request) == request then
  return { string.sub(made, #request + 1, #request + 17), string.sub(made, #request + 18) }
end
local name, id = ARGV[1] .. ARGV[2], ARGV[2]
local kind = redis.call('TYPE', name).ok
if kind ~= 'none' and kind ~= 'string' then return { kind } end
local entry = redis.call('HGET', KEYS[1], id)
local before = entry and string.sub(entry, 1, 17)
local v = nextVersion(tonumber(ARGV[3]), before)
-- What MongoDB had when the two were last equal.
local base = ''
if entry then
  local isTombstone = string.sub(entry, 18, 18) == '-'
  base = string.gsub(string.sub(entry, isTombstone and 19 or 58), '^[=-]', '')
  if #entry == 57 then base = string.sub(entry, 18) end
end
if ARGV[4] == 'd' then
  redis.call('HSET', KEYS[1], id, v .. '-' .. base)
  redis.call('DEL', name)
else
  redis.call('SET', name, ARGV[5])
  redis.call('HSET', KEYS[1], id, v .. redis.sha1hex(ARGV[5]) .. (base == '' and '-' or base))
end
redis.call('XADD', KEYS[2], '*', 'id', id, 'v', v)
redis.call('HSET', KEYS[3], ARGV[6], request .. v .. (before or ''))
redis.call('PEXPIRE', KEYS[3], ARGV[8])
return { v, before or '' }
`);

/** KEYS: fence, token. ARGV: epoch, then the token; without it there is none from now on. */
export const SAVE_TOKEN = new RedisScript(`${FENCE}
if ARGV[2] then redis.call('SET', KEYS[2], ARGV[2]) else redis.call('DEL', KEYS[2]) end
`);

/** KEYS: fence, outbox. ARGV: epoch, the first entry that stays. */
export const ACKNOWLEDGE = new RedisScript(`${FENCE}
redis.call('XTRIM', KEYS[2], 'MINID', '=', ARGV[2])
`);

/** KEYS: fence. ARGV: epoch. */
export const TAKE_LEAD = new RedisScript(`${FENCE}
`);
