-- Decides whether a process that was replaced serves as before, and whether the next one may go. Pure.
--
-- A pod that is Ready need not be queryable: a Historical announces itself before its Brokers have seen its
-- segments (seconds to minutes). From: what Druid said (`facts`, asked by druid.rollout.questions, each only when it
-- is looked at), and what was noted before the pod went. `facts` holds
--   leader, overlord   host:port of the Coordinators' and Overlords' leaders, "" when there is none
--   servers            list of { host =, size =, tier =, queue = segments to load } of type historical
--   under, under_view  segments that lack replicas: by the rules; by the servers that are there. nil: not known
--   brokers            list of { name =, count = { [host:port] = segments it would ask there for } }, or nil
--   answers(pod)       whether the pod's own readiness endpoint says yes
-- Each decision gives true, or false and what it waits for in words. A fact that cannot be had is nil.
-- To override: replace a function of `before` or `after`, or add one for another process type.

local M = { before = {}, after = {} }

-- Coordinator runs after which its figures are believed where no Broker can be asked.
M.periods = 2
M.not_serving = " does not say yet that it is ready to serve"

local function starts_with_name(host, name)
  return host == name or host:sub(1, #name + 1) == name .. "."
end

-- The server that is this pod, by name or address; nil when none is.
function M.server_of(servers, row)
  for _, server in ipairs(servers or {}) do
    local host = server.host:match("^%[?(.-)%]?:%d+$") or server.host
    if starts_with_name(host, row.name) or (row.ip ~= nil and host == row.ip) then
      return server
    end
  end
  return nil
end

-- "512 B", "1.5 GB"
function M.size_text(bytes)
  local units = { "B", "kB", "MB", "GB", "TB" }
  local value, unit = bytes, 1
  while value >= 1000 and unit < #units do
    value, unit = value / 1000, unit + 1
  end
  return string.format(unit == 1 and "%d %s" or "%.1f %s", value, units[unit])
end

local function known(facts)
  if facts.leader == nil then
    return false, "the Coordinator cannot be asked"
  elseif facts.leader == "" then
    return false, "the Coordinators have no leader"
  elseif facts.servers == nil or facts.under == nil then
    return false, "the Coordinator does not know yet which segments are loaded"
  end
  return true
end

local function segments(count)
  return count == 1 and "1 segment" or string.format("%d segments", count)
end

-- Historicals -----------------------------------------------------------------------------------

-- The figures are those of the Coordinator's last run: one that came up since then may not be among them. Words for
-- such a pod, or nil. Where what it had was noted, it was asked for that already (M.after).
local function too_young(row, facts, rows, options)
  local most = 0
  for _, other in ipairs(rows) do
    most = math.max(most, (M.server_of(facts.servers, other) or { size = 0 }).size)
  end
  for _, other in ipairs(rows) do
    local server = M.server_of(facts.servers, other)
    local young = options.now - (other.since or options.now) < M.periods * options.period_s
    if server and young and other ~= row and most > 0 and not options.records[other.name]
      and (facts.under > 0 or server.size == 0) then
      return other.name .. " has come up, and the Coordinator has not counted its segments yet"
    end
  end
  return nil
end

-- How many servers of a tier (druid.rollout.tiers) are announced. One whose tier no group names may be of this one.
local function peers(facts, tier)
  local count = 0
  for _, server in ipairs(facts.servers) do
    count = count + (tier and server.tier and server.tier ~= tier.name and tier.others[server.tier] and 0 or 1)
  end
  return count
end

-- Words for what the tier lacks, or nil: each of its pods has announced itself; where hosts do not tell whose they are,
-- there are as many of them as pods.
local function lacks(facts, tier)
  local told = false
  for _, row in ipairs(tier.rows) do
    told = told or M.server_of(facts.servers, row) ~= nil
  end
  for _, row in ipairs(told and tier.rows or {}) do
    if not M.server_of(facts.servers, row) then
      return row.name .. " has not announced itself"
    end
  end
  local count = told and #tier.rows or peers(facts, tier)
  if count < tier.wanted then
    return string.format("tier %s has %d of %d Historicals", tier.name, count, tier.wanted)
  end
  return nil
end

-- The same where Druid cannot be asked: what Kubernetes knows of a tier. nil for what is no Historical.
function M.lacks_by_kubernetes(tier)
  for _, row in ipairs(tier and tier.rows or {}) do
    if row.deleting or not row.ready then
      return row.name .. " is not ready"
    end
  end
  if tier and #tier.rows < tier.wanted then
    return string.format("tier %s has %d of %d Historicals", tier.name, #tier.rows, tier.wanted)
  end
  return nil
end

-- Nothing may go while data has fewer replicas than it should. Where there are more replicas wanted than
-- servers, the first figure never gets to 0, and the second one does not know who is away: all servers of the tier must
-- be there and hold what they can. options: { now =, period_s = of the Coordinator, records = see druid.rollout.step,
-- tier = see druid.rollout.tiers }.
function M.before.historical(row, facts, _, options)
  local good, words = known(facts)
  words = words or lacks(facts, options.tier)
  if not good or words then
    return false, words
  end
  if facts.under == 0 or facts.under_view == 0 then
    words = too_young(row, facts, options.tier.rows, options)
    return words == nil, words
  end
  return false, string.format("%s %s replicas, so %s stays", segments(facts.under),
    facts.under == 1 and "lacks" or "lack", row.name)
end

-- What is noted before a pod goes.
function M.record(node_type, row, facts, tier)
  local answered = { historical = "servers", overlord = "overlord", coordinator = "leader" }
  local fact = answered[node_type]
  local record = { uid = row.uid, asked = fact and facts[fact] ~= nil or nil }
  if node_type == "historical" and facts.servers then
    local server = M.server_of(facts.servers, row)
    record.under, record.peers = facts.under, peers(facts, tier)
    if server then
      record.size = server.size
      for _, broker in ipairs(facts.brokers or {}) do
        record.segments = math.max(record.segments or 0, broker.count[server.host] or 0)
      end
    end
  end
  return record
end

local function brokers_see(row, record, facts, server, waited)
  for _, broker in ipairs(facts.brokers) do
    local count = broker.count[server.host] or 0
    -- What was moved elsewhere meanwhile does not come back; nothing at all is too little, unless all was moved.
    if count < (record.segments or 0) and not (waited and (count > 0 or server.size == 0)) then
      return false, string.format("%s sees %d of %s of %s", broker.name, count, segments(record.segments), row.name)
    end
  end
  return true
end

-- options: { age_s = since the pod is ready, period_s = of the Coordinator, tier = as before }.
function M.after.historical(row, record, facts, options)
  local good, words = known(facts)
  if not good then
    return false, words
  end
  local server = M.server_of(facts.servers, row)
  local waited = options.age_s >= M.periods * options.period_s
  if not server then
    if record.size or peers(facts, options.tier) < (record.peers or 0) then
      return false, row.name .. " has not announced itself"
    end
  elseif server.size < (record.size or 0) and not (facts.under <= (record.under or 0) and waited) then
    return false, string.format("%s loading %s", row.name, server.queue > 0 and segments(server.queue)
      or string.format("%s of %s", M.size_text(server.size), M.size_text(record.size)))
  end
  if facts.under > (record.under or 0) then
    return false, string.format("%s loading %s", row.name, segments(facts.under - (record.under or 0)))
  end
  if server and facts.brokers then
    return brokers_see(row, record, facts, server, waited)
  end
  if not waited then
    return false, string.format("no Broker can be asked, so %s waits for %d runs of the Coordinator", row.name, M.periods)
  end
  return true
end

-- The others -------------------------------------------------------------------------------------

local function itself(row, _, facts)
  if facts.answers(row) then
    return true
  end
  return false, row.name .. M.not_serving
end

local function led(leader, who)
  if leader == nil then
    return false, "the " .. who .. " cannot be asked"
  elseif leader == "" then
    return false, "the " .. who .. " have no leader"
  end
  return true
end

M.after.broker, M.after.router = itself, itself

function M.before.overlord(_, facts) return led(facts.overlord, "Overlords") end
function M.after.overlord(_, _, facts) return led(facts.overlord, "Overlords") end
function M.before.coordinator(_, facts) return led(facts.leader, "Coordinators") end
function M.after.coordinator(_, _, facts) return led(facts.leader, "Coordinators") end

-- Names of pods that lead: they go last, for each change of the leader is a pause.
function M.leaders(node_type, rows, facts)
  local last = {}
  if node_type ~= "overlord" and node_type ~= "coordinator" then
    return last
  end
  local hosts = { node_type == "coordinator" and facts.leader or "", facts.overlord or "" }
  for _, host in ipairs(hosts) do
    local row = host ~= "" and M.pod_of(host, rows)
    if row then
      last[row.name] = true
    end
  end
  return last
end

-- The pod that a leader's address ("http://host:port") means, or nil.
function M.pod_of(address, rows)
  local host = address:gsub("^%a+://", "")
  for _, row in ipairs(rows) do
    if M.server_of({ { host = host } }, row) then
      return row
    end
  end
  return nil
end

return M
