-- Decides when pods that hold something may be taken away: before a StatefulSet gets smaller. Pure.
--
-- StatefulSets take the highest ordinals, so just those are emptied first. Workers get no new tasks and end
-- those they have (as in druid.middlemanager). Historicals give up their segments: the Coordinator is told
-- (decommissioningNodes), and they may go when they hold nothing, or, where it can move no more, when nothing
-- is left that only they hold. From: the rows of the pods that leave, what was noted when it began (`record`,
-- in an annotation of the set) and what Druid says. Gives { act = "wait" | "scale", calls =, waits_for =,
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
    elseif state ~= "empty" then
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

-- Historicals. facts: { servers = list of { host =, size =, max =, tier = }, decommissioning = hosts, alone(hosts)
-- = how many segments only these hold, or nil }; options: { now =, config =, blind(record), memory = a table,
-- period_s = of the Coordinator }.
function M.next.historicals(rows, record, facts, options)
  local made = plan()
  if facts.servers == nil or facts.decommissioning == nil then
    if options.blind(record) then
      made.act, made.notes = "scale", { "Historicals leave with what they hold, for Druid could not be asked" }
      return made
    end
    return late(made, record, options, "the Coordinator cannot be asked")
  end
  local going, hosts, tiers, rest = {}, {}, {}, {}
  for _, row in ipairs(rows) do
    local server = queryable.server_of(facts.servers, row)
    if server then
      going[#going + 1], hosts[server.host], tiers[server.tier or ""] = server, true, true
    end
  end
  for _, server in ipairs(facts.servers) do
    if not hosts[server.host] and tiers[server.tier or ""] then
      rest[#rest + 1] = server
    end
  end
  local size = sum(going, "size")
  if size == 0 then
    made.act = "scale"
    return made
  end
  local names = {}
  for _, server in ipairs(going) do
    names[#names + 1] = server.host
  end
  local alone = facts.alone(names)
  local free = sum(rest, "max") - sum(rest, "size")
  if alone ~= 0 and free < size * M.headroom then
    made.blocked = string.format("the Historicals that stay have room for %s, and %s have to go there",
      queryable.size_text(math.max(0, free)), queryable.size_text(size))
    made.waits_for = made.blocked
    return made
  end
  local told = {}
  for _, host in ipairs(facts.decommissioning) do
    told[host] = true
  end
  local missing = {}
  for _, host in ipairs(names) do
    if not told[host] then
      missing[#missing + 1] = host
    end
  end
  if #missing > 0 then
    made.calls[1] = { op = "decommission", hosts = missing }
  end
  local memory = options.memory
  if memory.size ~= size or #missing > 0 then
    memory.size, memory.since = size, options.now
  end
  if alone == 0 and options.now - memory.since >= M.stalled_periods * options.period_s then
    made.act = "scale"
    return made
  end
  return late(made, record, options, string.format("%s has %s to give away", rows[1].name, queryable.size_text(size)))
end

return M
