-- Asks Druid what the replacement of a pod depends on, no more than is needed to decide.
--
-- `new` gives the questions that druid.rollout.step puts, answered by druid.rollout.queryable from facts that are fetched
-- when they are first looked at. Where the view of others matters an answer counts when it was good twice,
-- `settle_s` apart. A Druid that
-- cannot be asked is waited for: `unasked_s` when nobody has got an answer out of it so far (no way to it, a
-- password that is not given), which spec.druidTimeout changes, and `lost_s` when somebody has. Then what
-- Kubernetes says has to do, and the group's note says so. The times since when are kept in memory: an
-- operator that is started anew begins to count again.

local address = require "druid.client.address"
local client = require "druid.client"
local coordinator = require "druid.client.coordinator"
local durations = require "lib.duration"
local process = require "druid.client.process"
local queryable = require "druid.rollout.queryable"
local tiers = require "druid.rollout.tiers"

local M = {}

M.settle_s = 5
M.twice = { historical = true }   -- what Brokers see follows; others speak for themselves
M.unasked_s, M.lost_s = 60, 1800
M.leaderless_s = 60          -- after that the change may be what helps: nobody leads who could be lost
M.segments_sql = "SELECT \"server\", COUNT(*) AS \"n\" FROM sys.server_segments GROUP BY 1"

local good_since = {}   -- uid of a pod = when it was first as good as before
local leaderless_since = {} -- uid of a cluster and type = when it was first seen that nobody leads
local silent = {} -- uid of a cluster = { since = when it could first not be asked, last = when it was tried last }

-- The facts -----------------------------------------------------------------------------------------

-- Segments that are missing by an answer about the load; nil when the Coordinator does not know. An empty answer means
-- that, unless there is no data at all.
local function lacking(take, druid, answer, err)
  local status = take(answer, err)
  local missing = status and coordinator.missing(status)
  if not status or missing then
    return missing and math.tointeger(missing)
  end
  local sources = take(coordinator.datasources(druid))
  return sources and #sources == 0 and 0 or nil
end

local fetch = {}

-- Name of the pod that leads, or its address; "" when none does.
local function leader(take, druid, role)
  local found, err = coordinator.leader(druid, role)
  if not found and err.code == "unavailable" and not err.status then
    return ""
  end
  found = take(found, err)
  return found and (found.pod or found.url)
end

function fetch.leader(take, druid) return leader(take, druid, "coordinator") end
function fetch.overlord(take, druid) return leader(take, druid, "overlord") end
function fetch.under(take, druid) return lacking(take, druid, coordinator.load_status(druid, false)) end
function fetch.under_view(take, druid) return lacking(take, druid, coordinator.load_status(druid, true)) end
function fetch.unavailable(take, druid) return lacking(take, druid, coordinator.unavailable(druid)) end

function fetch.servers(take, druid)
  local servers = take(coordinator.servers(druid))
  local queues = servers and take(coordinator.load_queues(druid))
  if not queues then
    return nil
  end
  local list = {}
  for _, server in ipairs(servers) do
    if server.type == "historical" then
      list[#list + 1] = { host = server.host, size = server.currSize or 0, max = server.maxSize or 0,
        tier = server.tier, queue = (queues[server.host] or {}).segmentsToLoad or 0 }
    end
  end
  return list
end

-- Each Broker has a view of its own. nil when there is none, or one cannot be asked.
function fetch.brokers(_, druid)
  local list = {}
  for _, pod in ipairs(process.pods(druid, "broker")) do
    if not pod.metadata.deletionTimestamp then
      local rows = client.call_pod(druid, pod, { method = "POST", path = "/druid/v2/sql",
        body = json.encode({ query = M.segments_sql }), timeout_ms = client.read_ms })
      if type(rows) ~= "table" then
        return nil
      end
      local count = {}
      for _, row in ipairs(rows) do
        count[row.server] = row.n
      end
      list[#list + 1] = { name = pod.metadata.name, count = count }
    end
  end
  return #list > 0 and list or nil
end

local ready = { broker = "/druid/broker/v1/readiness", historical = "/druid/historical/v1/readiness" }

-- Whether a pod's own readiness endpoint says yes; the second value: why it could not be asked, nil when it says no.
function M.answers(druid, pod, node_type)
  local yes, err = client.call_pod(druid, pod, { method = "GET", path = ready[node_type] or "/status/health",
    kind = "nothing" })
  return yes == true, err and err.status ~= 503 and err or nil
end

-- Facts that are asked for when they are looked at. `err` in the second value: why one could not be had.
function M.facts(druid, node_type)
  local known, trouble = {}, {}
  local function take(value, err)
    if err and err.code ~= "busy" then
      trouble.err = trouble.err or err
    end
    return type(value) == "table" and value or nil
  end
  local facts = {}
  function facts.answers(row)
    for _, pod in ipairs(client.pods(druid)) do
      if pod.metadata.uid == row.uid then
        local yes, err = M.answers(druid, pod, node_type)
        take(nil, err)
        return yes
      end
    end
    return false
  end
  setmetatable(facts, { __index = function(_, name)
    if known[name] == nil and fetch[name] then
      known[name] = { value = fetch[name](take, druid) }
    end
    return known[name] and known[name].value
  end })
  return facts, trouble
end

-- The questions -------------------------------------------------------------------------------------

local function period(cluster, rows_type)
  for _, group in ipairs(cluster.groups) do
    if group.type == (rows_type or "coordinator") then
      return durations.iso(address.property(cluster, group, "druid.coordinator.period") or "") or 60
    end
  end
  return 60
end

-- How long a Druid that gives no answer is waited for. asked: it has answered before.
function M.patience(cluster, asked, err)
  if asked or (err.status or 0) >= 500 then
    return M.lost_s   -- 5xx: it is there, only without a leader
  end
  return durations.seconds(cluster.spec.druidTimeout) or M.unasked_s
end

-- True when Druid has been silent for too long. err: why it could not be asked just now; nil: it could. A silence after
-- which nobody asked for `lost_s` belongs to another update, and is over.
function M.is_silent(cluster, err, asked, now)
  if not err then
    silent[cluster.uid] = nil
    return false
  end
  local known = silent[cluster.uid]
  if not known or now - known.last > M.lost_s then
    known = { since = now }
    silent[cluster.uid] = known
  end
  known.last = now
  return now - known.since >= M.patience(cluster, asked, err)
end

local function was_asked(records)
  for _, record in pairs(records) do
    if record.asked then
      return true
    end
  end
  return false
end

-- True when Druid has been silent for too long, else false and what that waits for.
local function is_blind(asked, cluster, set, trouble, now)
  if not trouble.err then
    M.is_silent(cluster, nil)   -- a word of it now and then is no silence, whatever it says
    return false
  elseif M.is_silent(cluster, trouble.err, was_asked(set.records), now) then
    asked.note = "Druid could not be asked, so its pods are replaced by what Kubernetes says: " .. trouble.err.message
    return true
  end
  return false, "Druid cannot be asked: " .. trouble.err.message
end

-- Questions for one group of `entries`: { options(set, limits) = what druid.rollout.step.next wants, note = after it,
-- or nil }.
function M.new(druid, cluster, entry, entries)
  local asked = {}
  local node_type = entry.type

  function asked.options(set, limits)
    local now = clock.now()
    local facts, trouble = M.facts(druid, node_type)
    local tier = tiers.look(druid.kube, cluster, entries, entry)

    -- Puts a question; a Druid that cannot be asked is no answer.
    local function put(question, ...)
      if not question then
        return true
      end
      local good, words = question(...)
      if good then
        M.is_silent(cluster, nil)
        return true
      end
      local blind, why = is_blind(asked, cluster, set, trouble, now)
      return blind, why or words
    end

    local function after(row, record)
      local age_s = now - (row.since or now)
      local good, words = put(queryable.after[node_type], row, record, facts,
        { age_s = age_s, period_s = period(cluster), tier = tier })
      if not good then
        good_since[row.uid] = nil
        return false, words
      end
      good_since[row.uid] = good_since[row.uid] or now
      local left_s = good_since[row.uid] + M.settle_s - now
      if M.twice[node_type] and not asked.note and left_s > 0 then
        asked.again_s = left_s
        return false, row.name .. " is as before; it is asked once more"
      end
      good_since[row.uid] = nil
      return true
    end

    local function before(row)
      local good, words = put(queryable.before[node_type], row, facts, set.pods,
        { now = now, period_s = period(cluster), records = set.records, tier = tier })
      local key, role = cluster.uid .. " " .. node_type, node_type == "overlord" and "overlord" or "leader"
      if good and asked.note then
        words = queryable.lacks_by_kubernetes(tier)
        good = words == nil
      end
      if good or not (node_type == "overlord" or node_type == "coordinator") or facts[role] ~= "" then
        leaderless_since[key] = nil
        return good, words
      end
      leaderless_since[key] = leaderless_since[key] or now
      if now - leaderless_since[key] >= M.leaderless_s then
        return true
      end
      return false, words
    end

    return {
      now = now, stop = limits.stop, others = limits.others,
      last = function() return queryable.leaders(node_type, set.pods, facts) end,
      after = after,
      before = before,
      record = function(row) return queryable.record(node_type, row, asked.note and {} or facts, tier) end,
    }
  end

  return asked
end

return M
