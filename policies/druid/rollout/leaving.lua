-- Decides when pods that hold something may be taken away: before a StatefulSet gets smaller. Pure.
--
-- StatefulSets take the highest ordinals, so just those are emptied first. Workers get no new tasks and end
-- those they have (as in druid.middlemanager). Historicals give up their segments: the Coordinator is told
-- (decommissioningNodes), and they may go when they hold nothing, or, where it can move no more, when nothing
-- is left that only they hold; and never while more segments are away than when it began, or nobody knows.
-- From: the rows of the pods that leave, what was noted when it began (`record`, in an annotation of the set) and
-- what Druid says. Gives { act = "wait" | "scale", calls =, waits_for =,
-- blocked =, notes = }. What was asked of Druid is taken back when they are gone, or when they stay after all.
-- To override: `types`, or a function of `next`.

local durations = require "lib.duration"
local middlemanager = require "druid.middlemanager"
local queryable = require "druid.rollout.queryable"

local M = { next = {} }

M.types = { historical = true, middleManager = true, indexer = true }
M.stalled_periods = 3   -- runs of the Coordinator in which nothing moved
M.headroom = 1.02       -- of the room that the segments need elsewhere

-- How many pods a group is to lose: { from =, to = }, or nil when nothing has to be emptied for it.
function M.due(entry, wanted)
  local state, live = entry.state, entry.live
  if not M.types[entry.type] or entry.group.kind ~= "StatefulSet" or not state.exists or entry.coming_up
    or wanted == nil or wanted >= (live.spec.replicas or 1) then
    return nil
  end
  return { from = live.spec.replicas or 1, to = wanted }
end

-- The rows that leave, the highest first.
function M.rows(set, to)
  local list = {}
  for _, row in ipairs(set.pods) do
    if row.ordinal >= set.start + to and not row.deleting then
      list[#list + 1] = row
    end
  end
  table.sort(list, function(a, b) return a.ordinal > b.ordinal end)
  return list
end

local function plan()
  return { act = "wait", calls = {}, notes = {} }
end

local function late(made, record, options, words)
  local limit = options.config.drain_s
  if options.now - record.since < limit then
    made.waits_for = words .. middlemanager.deadline_words(options.config, record.since)
  elseif options.config.on_timeout == "proceed" then
    made.notes[#made.notes + 1] = words .. " after " .. durations.text(limit) .. "; the group is made smaller nevertheless"
    made.act = "scale"
  else
    made.blocked = middlemanager.held_words(words, options.config, options.remedy)
    made.waits_for = made.blocked
  end
  return made
end

-- Workers. facts and options: as druid.middlemanager has them.
function M.next.workers(rows, record, facts, options)
  local made, words, unknown = plan(), nil, false
  for _, row in ipairs(rows) do
    local state, why = middlemanager.emptiness(row, facts, options.memory(row), options.now)
    local listed = facts.overlord == "yes" and facts.worker(row)
    if facts.enabled(row) ~= false then
      made.calls[#made.calls + 1] = { op = "disable", pod = row, host = listed and listed.host or nil }
    end
    if state == "denied" then
      made.notes[#made.notes + 1] = why
    elseif state == "empty" then
      made.notes[#made.notes + 1] = middlemanager.alone_words(row, facts)
    else
      words, unknown = words or why, unknown or state == "unknown"
    end
  end
  if not words then
    made.act = "scale"
    return made
  elseif unknown and options.blind(record) then
    made.act, made.notes = "scale", { "workers leave without a drain, for Druid could not be asked" }
    return made
  end
  return late(made, record, options, words)
end

local function sum(list, field)
  local total = 0
  for _, one in ipairs(list) do
    total = total + one[field]
  end
  return total
end

-- The servers of the pods that leave, and words for one of which nobody knows what it holds, or nil. Nothing on a list says
-- little: a Coordinator that has just begun to lead knows no server, one that restarts is not announced for a while, and
-- what is Ready and not announced has another name than its pod (druid.host). One that was never Ready holds nothing.
local function look(rows, facts, options)
  local going, unknown = {}, nil
  local away = options.memory.away or {}
  options.memory.away = away
  for _, row in ipairs(rows) do
    local server = queryable.server_of(facts.servers, row)
    if server then
      going[#going + 1], away[row.uid] = server, nil
    elseif not row.never_ready then
      away[row.uid] = away[row.uid] or options.now
      if row.ready or #facts.servers == 0 or options.now - away[row.uid] < queryable.periods * options.period_s then
        unknown = unknown or row.name .. " is not among the servers that the Coordinator knows"
      end
    end
  end
  return going, unknown
end

local function not_known(facts)
  if facts.servers == nil or facts.decommissioning == nil then
    return "the Coordinator cannot be asked"
  end
  return facts.unavailable == nil and "the Coordinator does not know yet which segments are loaded" or nil
end

-- Servers of the same tiers that stay.
local function those_that_stay(servers, going)
  local hosts, tiers, rest = {}, {}, {}
  for _, server in ipairs(going) do
    hosts[server.host], tiers[server.tier or ""] = true, true
  end
  for _, server in ipairs(servers) do
    if not hosts[server.host] and tiers[server.tier or ""] then
      rest[#rest + 1] = server
    end
  end
  return rest
end

-- Hosts that the Coordinator has not been told of yet.
local function untold(going, facts)
  local told, missing = {}, {}
  for _, host in ipairs(facts.decommissioning) do
    told[host] = true
  end
  for _, server in ipairs(going) do
    missing[#missing + 1] = not told[server.host] and server.host or nil
  end
  return missing
end

-- Whether pods that hold nothing, or nothing alone, may go: what was there when it began is there, a run of the
-- Coordinator after they were seen so. True, or words.
local function may_go(rows, going, unknown, since, record, facts, options)
  if unknown then
    return unknown
  elseif facts.unavailable > (record.unavailable or facts.unavailable) then
    return string.format("%d segments cannot be queried, %d could not when it began", facts.unavailable, record.unavailable)
  elseif #going > 0 and options.now - since < options.period_s then
    return rows[1].name .. " holds nothing; it is asked once more"
  end
  return true
end

-- Historicals. facts: { servers = list of { host =, size =, max =, tier = }, decommissioning = hosts, unavailable = segments
-- that no query reaches, nil: not known, alone(hosts) = how many segments only these hold, or nil }; options: { now =,
-- config =, blind(record), memory = a table, period_s = of the Coordinator }. `unavailable` in what it gives is to be
-- remembered in the record from the first time on.
function M.next.historicals(rows, record, facts, options)
  local made = plan()
  local words = not_known(facts)
  if #rows == 0 then
    made.act = "scale"
    return made
  elseif words then
    if options.blind(record) then
      made.act, made.notes = "scale", { "Historicals leave with what they hold, for Druid could not be asked" }
      return made
    end
    options.memory.size = nil
    return late(made, record, options, words)
  end
  made.unavailable = record.unavailable or facts.unavailable
  local memory = options.memory
  local going, unknown = look(rows, facts, options)
  local rest, size, names = those_that_stay(facts.servers, going), sum(going, "size"), {}
  for i, server in ipairs(going) do
    names[i] = server.host
  end
  local alone = size > 0 and facts.alone(names) or 0
  local free = sum(rest, "max") - sum(rest, "size")
  if size > 0 and alone ~= 0 and free < size * M.headroom then
    made.blocked = string.format("the Historicals that stay have room for %s, and %s have to go there",
      queryable.size_text(math.max(0, free)), queryable.size_text(size))
    made.waits_for = made.blocked
    return made
  end
  -- One that is empty is told, too: it could get segments while it is looked at again.
  local missing = untold(going, facts)
  if #missing > 0 then
    made.calls[1] = { op = "decommission", hosts = missing }
  end
  if memory.size ~= size or #missing > 0 or unknown then
    memory.size, memory.since = size, options.now
  end
  local stalled = options.now - memory.since >= M.stalled_periods * options.period_s
  if size > 0 and not (alone == 0 and stalled) then
    return late(made, record, options, string.format("%s has %s to give away", rows[1].name, queryable.size_text(size)))
  end
  local yes = may_go(rows, going, unknown, memory.since, record, facts, options)
  if yes ~= true then
    return late(made, record, options, yes)
  end
  made.act = "scale"
  return made
end

return M
