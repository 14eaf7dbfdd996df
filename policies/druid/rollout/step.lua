-- Decides which pod of a StatefulSet is replaced next, and what that waits for. Pure.
--
-- A rolling update of Kubernetes takes the next pod as soon as the last one is Ready. For Druid that is too
-- early: a Historical that is Ready may not be queried yet, a worker may have tasks, a leader is better left
-- for last. So the operator holds such a set in OnDelete while it replaces the pods of an older revision one
-- by one, and gives the declared strategy back at the end.
--
-- From: the set as rows of pods, what was noted about pods under replacement (`records`, kept in an
-- annotation of the set, so that it outlives the operator), and two questions to Druid (options.before and
-- options.after, see druid.rollout.queryable). The rules, in this order:
--   1. Nothing while the newest spec has not been seen, or a pod is missing, ending or starting.
--   2. A pod of an older revision that is not ready goes first, without questions: it has nothing to lose,
--      and StatefulSet itself may never replace it (kubernetes#67250).
--   3. A pod that was replaced must be as good as before (options.after).
--   4. Then the next one that may go (options.before); the leader last, else from the highest ordinal down.
-- A set whose user rolls it (OnDelete, a partition) is never stepped.
-- To override: `types`, `compare`, or `next`.

local names = require "druid.names"
local tables = require "lib.tables"

local M = {}

-- Whose state in Druid matters, with the least number of pods from which it does.
M.types = { historical = 1, broker = 2, router = 2, overlord = 2, coordinator = 2, middleManager = 1, indexer = 1 }

M.unready_s = 10   -- an old pod that is not ready for so long has nothing to lose

-- Whether a group's StatefulSet is stepped when its template changes. declared: its update strategy in the
-- Druid object, or nil. in_hand: it is held already, or its user has left it half-way. Such a one is stepped to its end,
-- also where one pod is all it has: let go, it would restart at once, whoever's turn it is, in a pause, too.
function M.is_stepped(group, total, declared, in_hand)
  local least = M.types[group.type or ""] and (in_hand and 1 or M.types[group.type])
  return group.kind == "StatefulSet" and least ~= nil and total >= least and not M.is_by_hand(declared)
end

function M.is_by_hand(declared)
  return declared ~= nil and (declared.type == "OnDelete"
    or ((declared.rollingUpdate or {}).partition or 0) > 0)
end

-- Whether a set that its user rolls is to be rolled by us again: the Druid object says so, or said otherwise before. One
-- whose strategy somebody changed by hand, about which the Druid object says nothing, is theirs.
function M.is_reclaimed(live, declared)
  return live ~= nil and not M.is_by_hand(declared)
    and (declared ~= nil or tables.dig(live, "metadata", "annotations", names.by_hand) ~= nil)
end

-- Whether a set has to lose what only a RollingUpdate may have before it can be left to its user: applying the Druid
-- object's strategy alone would leave that to its other owner, and be refused.
function M.is_left(live, declared)
  return live ~= nil and declared ~= nil and declared.type == "OnDelete"
    and tables.dig(live, "spec", "updateStrategy", "rollingUpdate") ~= nil
end

-- The same for an entry of druid.plan, as it is now.
function M.is_wanted(cluster, entry)
  local state = entry.state
  return cluster.spec.rollingDeploy ~= false and not state.ungated
    and M.is_stepped(entry.group, state.total, entry.declared, state.held or state.reclaimed)
end

-- What is merged into a set to begin and to end the holding of it. live: the set.
function M.hold_patch(live)
  local metadata = live.metadata
  return { apiVersion = "apps/v1", kind = "StatefulSet",
    metadata = { namespace = metadata.namespace, name = metadata.name, uid = metadata.uid,
      annotations = { [names.step] = M.encode({}) } },
    spec = { updateStrategy = { type = "OnDelete", rollingUpdate = json.null } } }
end

function M.release_patch(declared)
  local strategy = declared and json.copy(declared) or {}
  strategy.type = strategy.type or "RollingUpdate"
  if strategy.type == "RollingUpdate" then
    strategy.rollingUpdate = strategy.rollingUpdate or {}
    strategy.rollingUpdate.partition = strategy.rollingUpdate.partition or 0
  elseif strategy.type == "OnDelete" then
    strategy.rollingUpdate = json.null
  end
  return { metadata = { annotations = { [names.step] = json.null } },
    spec = { updateStrategy = strategy } }
end

function M.encode(records)
  return json.encode(next(records) ~= nil and records or json.object({}))
end

-- What the annotation says; nothing when it is not ours to read.
function M.decode(text)
  local records = text and json.decode(text)
  return type(records) == "table" and records or {}
end

-- Sorts pods by what they are: { gone = names, starting, broken, shaky, old, fresh = rows }.
function M.survey(set, now)
  local seen = { gone = {}, starting = {}, broken = {}, shaky = {}, old = {}, fresh = {} }
  local ordinals = {}
  for _, pod in ipairs(set.pods) do
    ordinals[pod.ordinal] = true
    local list
    if pod.deleting then
      seen.gone[#seen.gone + 1] = pod.name
    elseif pod.revision == set.revision then
      list = pod.ready and seen.fresh or seen.starting
    elseif pod.ready then
      list = seen.old
    else
      -- Without a time nobody knows how long: it has never been ready.
      list = (pod.since == nil or now - pod.since >= M.unready_s) and seen.broken or seen.shaky
    end
    if list then
      list[#list + 1] = pod
    end
  end
  for ordinal = set.start or 0, (set.start or 0) + set.total - 1 do
    if not ordinals[ordinal] then
      seen.gone[#seen.gone + 1] = set.name .. "-" .. ordinal
    end
  end
  return seen
end

-- True when pod a goes before pod b. last: names that go last.
function M.compare(a, b, last)
  if (last[a.name] or false) ~= (last[b.name] or false) then
    return not last[a.name]
  end
  return a.ordinal > b.ordinal
end

function M.sort(rows, last)
  local sorted = {}
  for i, row in ipairs(rows) do
    sorted[i] = row
  end
  table.sort(sorted, function(a, b) return M.compare(a, b, last or {}) end)
  return sorted
end

local function wait(words, set)
  return { act = "wait", waits_for = words, records = set.records }
end

-- What every stepped set waits for before a healthy pod may go: an action, or nil when it may go on.
function M.first(set, seen, options)
  if not set.seen then
    return wait("the StatefulSet controller has not seen the change yet", set)
  elseif seen.gone[1] then
    return wait(seen.gone[1] .. " is being replaced", set)
  elseif seen.starting[1] then
    return wait(seen.starting[1].name .. " is not ready", set)
  elseif options.stop then
    return wait(options.stop, set)
  elseif seen.broken[1] then
    local pod = M.sort(seen.broken)[1]
    -- What it had before the revision that broke it, it has to get back.
    return { act = "replace", pod = pod, records = set.records, why = "its revision is out of date and it is not ready" }
  elseif options.others or seen.shaky[1] then
    return wait(options.others or seen.shaky[1].name .. " is not ready", set)
  end
  return nil
end

-- set: { name =, total =, start =, seen =, revision =, pods = rows, records = by pod name }.
-- options: { now =, stop = words when nothing more may go, others = words when only broken pods may, for
--   another group is under way, last = set of names or a function that gives it,
--   after(pod, record), before(pod) = true, or false and words; record(pod) = what to remember }.
-- Gives { act = "wait" | "replace" | "release", waits_for =, pod =, why =, records = what to remember }.
function M.next(set, options)
  local seen = M.survey(set, options.now)
  local first = M.first(set, seen, options)
  if first then
    return first
  end
  for _, pod in ipairs(M.sort(seen.fresh)) do
    local record = set.records[pod.name]
    if record then
      local good, words = options.after(pod, record)
      if not good then
        return wait(words, set)
      end
    end
  end
  local old = M.sort(seen.old, type(options.last) == "function" and #seen.old > 1 and options.last() or options.last)
  if not old[1] then
    return { act = "release", records = {} }
  end
  local good, words = options.before(old[1])
  if not good then
    return wait(words, set)
  end
  return { act = "replace", pod = old[1], records = { [old[1].name] = options.record(old[1]) },
    why = "the update is rolled out pod by pod" }
end

-- A pod that its own StatefulSet, not held, fails to replace: of an older revision, not ready for
-- `superseded_s`, while nothing else is on its way. Row or nil.
M.superseded_s = 20
function M.superseded(set, now)
  if not set.seen then
    return nil
  end
  local stuck = {}
  for _, pod in ipairs(set.pods) do
    if pod.deleting or (pod.revision == set.revision and not pod.ready) then
      return nil
    elseif pod.revision ~= set.revision and not pod.ready and pod.since and now - pod.since >= M.superseded_s then
      stuck[#stuck + 1] = pod
    end
  end
  return M.sort(stuck)[1]
end

return M
