-- Segments and the Historicals that serve them: what is loaded where, what the Coordinator does about it,
-- and what it says. Pure: everything works on a view (druid.front) and changes view.state only.
--
-- What a Historical has is remembered by the name of its pod (`historicals`), with the claims it is on: a
-- pod that comes back with the same ones has its cache, any other has nothing. An announced Historical is
-- seen by Coordinators and Brokers `sync` seconds later; until then it is listed with nothing on it.

local settings = require "druid.settings"
local tables = require "lib.tables"

local M = {}

M.DEFAULT_TIER = "_default_tier"
M.MAX_SIZE = 1000000000

-- { id =, ds =, size = }, in order. They are the same as long as a view lasts.
function M.all(view)
  if view.segments then return view.segments end
  local list, datasources = {}, view.settings.datasources
  for _, ds in ipairs(tables.keys(datasources)) do
    local what = datasources[ds]
    for i = 1, what.segments or 0 do
      local day = clock.rfc3339(1735689600 + (i - 1) * 86400):gsub("Z$", ".000Z")
      local next_day = clock.rfc3339(1735689600 + i * 86400):gsub("Z$", ".000Z")
      list[#list + 1] = { id = ds .. "_" .. day .. "_" .. next_day .. "_v1", ds = ds, size = what.size or 1000000 }
    end
  end
  view.segments = list
  return list
end

-- Replicas by tier that the rules want of a datasource; nothing of one that is dropped.
function M.wanted(view, ds)
  local rules = view.state.dynamic.rules or {}
  local list = {}
  for _, rule in ipairs(rules[ds] or {}) do list[#list + 1] = rule end
  for _, rule in ipairs(rules._default or { { type = "loadForever" } }) do list[#list + 1] = rule end
  local rule = list[1]
  if not rule or not rule.type:find("^load") then return {} end
  local tiers = rule.tieredReplicants
  return tiers ~= nil and tiers ~= json.null and tiers or { [M.DEFAULT_TIER] = 2 }
end

-- The Historicals that run, each with what is remembered of it.
function M.historicals(view)
  local list = {}
  for _, process in ipairs(view.processes) do
    if process.type == "historical" then
      local record = view.state.historicals[process.pod]
      list[#list + 1] = { process = process, record = record, tier = process.tier or M.DEFAULT_TIER,
        max_size = process.max_size or M.MAX_SIZE, announced = process.announced,
        seen = process.announced and view.now_ms >= process.announced_ms + math.floor(view.settings.sync * 1000) }
    end
  end
  return list
end

local function has(list, value)
  for _, one in ipairs(list) do
    if one == value then return true end
  end
  return false
end

local function remove(list, value)
  for i = #list, 1, -1 do
    if list[i] == value then table.remove(list, i) end
  end
end

local function load_ms(view)
  return math.floor((settings.fault(view.faults, "slowLoad") or view.settings.load) * 1000)
end

-- New pods, and loads that are done.
local function settle(view)
  for _, server in ipairs(M.historicals(view)) do
    local process, record = server.process, server.record
    if process.running and (not record or record.uid ~= process.uid) then
      local kept = record and process.volumes ~= "" and record.volumes == process.volumes
      view.state.historicals[process.pod] = { uid = process.uid, volumes = process.volumes,
        segments = kept and record.segments or json.array{}, loading = json.array{} }
    elseif record and process.running then
      for i = #record.loading, 1, -1 do
        local load = record.loading[i]
        if load.at <= view.now_ms then
          table.remove(record.loading, i)
          if not has(record.segments, load.id) then table.insert(record.segments, load.id) end
          table.sort(record.segments)
        end
      end
    end
  end
end

-- A cluster that is looked at for the first time has been there for long: what can be loaded is.
local function seed(view)
  local servers = M.historicals(view)
  if view.state.status.seeded or #servers == 0 then return end
  view.state.status.seeded = true
  local index = 0
  for _, segment in ipairs(M.all(view)) do
    for tier, replicas in pairs(M.wanted(view, segment.ds)) do
      local there = {}
      for _, server in ipairs(servers) do
        if server.tier == tier and server.record then there[#there + 1] = server end
      end
      for r = 1, math.min(replicas, #there) do
        local record = there[(index + r - 1) % #there + 1].record
        record.segments[#record.segments + 1] = segment.id
      end
      index = index + 1
    end
  end
  for _, server in ipairs(servers) do
    if server.record then table.sort(server.record.segments) end
  end
end

-- Where each segment is: id = { loaded = { server… }, loading = count by tier }, of servers that are announced.
local function places(view, servers)
  local map = {}
  for _, segment in ipairs(M.all(view)) do map[segment.id] = { loaded = {}, loading = {} } end
  for _, server in ipairs(servers) do
    if server.announced and server.record then
      for _, id in ipairs(server.record.segments) do
        if map[id] then table.insert(map[id].loaded, server) end
      end
      for _, load in ipairs(server.record.loading) do
        local place = map[load.id]
        if place then place.loading[server.tier] = (place.loading[server.tier] or 0) + 1 end
      end
    end
  end
  return map
end

local function decommissioning(view, server)
  local config = view.state.dynamic.coordinator or {}
  return has(config.decommissioningNodes or {}, server.process.name)
end

local function knows(server, id)
  if has(server.record.segments, id) then return true end
  for _, load in ipairs(server.record.loading) do
    if load.id == id then return true end
  end
  return false
end

local function count(server)
  return #server.record.segments + #server.record.loading
end

local function size_of(view, server)
  local sizes, sum = view.sizes or {}, 0
  if not view.sizes then
    for _, segment in ipairs(M.all(view)) do sizes[segment.id] = segment.size end
    view.sizes = sizes
  end
  for _, id in ipairs(server.record and server.record.segments or {}) do sum = sum + (sizes[id] or 0) end
  return sum
end
M.size_of = size_of

-- The least loaded active server of a tier that lacks the segment and has room.
local function candidate(view, servers, tier, segment)
  local best
  for _, server in ipairs(servers) do
    if server.seen and server.record and server.tier == tier and not decommissioning(view, server)
      and not knows(server, segment.id) and size_of(view, server) + segment.size <= server.max_size
      and (not best or count(server) < count(best)) then
      best = server
    end
  end
  return best
end

local function start_load(view, server, id)
  local last = view.now_ms
  for _, load in ipairs(server.record.loading) do last = math.max(last, load.at) end
  table.insert(server.record.loading, { id = id, at = last + load_ms(view) })
end

-- One segment: loads what is missing, drops what is too much. True when anything was done.
local function look_after(view, servers, segment, place)
  local wanted, done, whole = M.wanted(view, segment.ds), false, true
  for tier, replicas in pairs(wanted) do
    local active = 0
    for _, server in ipairs(place.loaded) do
      if server.tier == tier and not decommissioning(view, server) then active = active + 1 end
    end
    for _ = active + (place.loading[tier] or 0) + 1, replicas do
      local server = candidate(view, servers, tier, segment)
      if not server then break end
      start_load(view, server, segment.id)
      done = true
    end
    local possible = 0
    for _, server in ipairs(servers) do
      if server.seen and server.tier == tier and not decommissioning(view, server) then possible = possible + 1 end
    end
    if active < math.min(replicas, math.max(possible, 1)) then whole = false end
  end
  if not whole then return done end
  local kept = {}
  table.sort(place.loaded, function(a, b)
    local first, second = decommissioning(view, a), decommissioning(view, b)
    if first ~= second then return second end
    return count(a) < count(b)
  end)
  for _, server in ipairs(place.loaded) do
    kept[server.tier] = (kept[server.tier] or 0) + 1
    if decommissioning(view, server) or kept[server.tier] > (wanted[server.tier] or 0) then
      remove(server.record.segments, segment.id)
      done = true
    end
  end
  return done
end

-- Moves one segment a run from the fullest to the emptiest server of a tier, when all is quiet.
local function balance(view, servers)
  local full, empty = {}, {}
  for _, server in ipairs(servers) do
    if server.record and #server.record.loading > 0 then return false end
    if server.seen and server.record and not decommissioning(view, server) then
      local tier = server.tier
      if not full[tier] or count(server) > count(full[tier]) then full[tier] = server end
      if not empty[tier] or count(server) < count(empty[tier]) then empty[tier] = server end
    end
  end
  for tier, from in pairs(full) do
    local to = empty[tier]
    if count(from) - count(to) > 1 then
      for _, id in ipairs(from.record.segments) do
        if not knows(to, id) then
          start_load(view, to, id)
          return true
        end
      end
    end
  end
  return false
end

-- The figures of loadstatus, from what is seen now.
function M.figures(view)
  local servers = M.historicals(view)
  local figures = { simple = json.object{}, full = json.object{}, view = json.object{} }
  local there = {}
  for _, server in ipairs(servers) do
    if server.announced and not decommissioning(view, server) then there[server.tier] = (there[server.tier] or 0) + 1 end
  end
  local map = places(view, servers)
  for _, segment in ipairs(M.all(view)) do
    local ds, by_tier, any = segment.ds, {}, false
    for _, server in ipairs(map[segment.id].loaded) do
      if server.seen then
        by_tier[server.tier], any = (by_tier[server.tier] or 0) + 1, true
      end
    end
    local wanted = M.wanted(view, ds)
    figures.simple[ds] = (figures.simple[ds] or 0) + ((any or next(wanted) == nil) and 0 or 1)
    for tier, replicas in pairs(wanted) do
      local full, capped = figures.full[tier] or {}, figures.view[tier] or {}
      local have = by_tier[tier] or 0
      full[ds] = (full[ds] or 0) + math.max(0, replicas - have)
      capped[ds] = (capped[ds] or 0) + math.max(0, math.min(replicas, there[tier] or 0) - have)
      figures.full[tier], figures.view[tier] = full, capped
    end
  end
  return figures
end

-- Percent of the segments that are seen, which does not wait for the next run of the duties.
function M.percent(view)
  local total, percent = {}, json.object{}
  for _, segment in ipairs(M.all(view)) do total[segment.ds] = (total[segment.ds] or 0) + 1 end
  for ds, missing in pairs(M.figures(view).simple) do percent[ds] = 100.0 * (total[ds] - missing) / total[ds] end
  return percent
end

-- Segments that no query can reach, of those that the rules want loaded.
function M.unavailable(view)
  local sum = 0
  for _, missing in pairs(M.figures(view).simple) do sum = sum + missing end
  return sum
end

-- What the Coordinator knows of each datasource of which anything is loaded.
function M.by_datasource(view)
  local map, out = places(view, M.historicals(view)), {}
  for _, segment in ipairs(M.all(view)) do
    local count_seen = 0
    for _, server in ipairs(map[segment.id].loaded) do count_seen = count_seen + (server.seen and 1 or 0) end
    if count_seen > 0 then
      local one = out[segment.ds] or { name = segment.ds, properties = { segments = { count = 0, size = 0,
        replicatedSize = 0 } } }
      local sums = one.properties.segments
      sums.count, sums.size = sums.count + 1, sums.size + segment.size
      sums.replicatedSize = sums.replicatedSize + segment.size * count_seen
      out[segment.ds] = one
    end
  end
  return out
end

local function new_leader(view)
  local leader, status = view.leaders.coordinator, view.state.status
  local known = status.coordinator
  if not leader then
    status.coordinator, status.snapshot, status.dutyAt = nil, nil, nil
  elseif not known or known.uid ~= leader.uid then
    local since = status.led and math.max(leader.announced_ms, view.now_ms) or leader.announced_ms
    status.led = true
    status.coordinator = { pod = leader.pod, uid = leader.uid, since = since }
    status.snapshot, status.dutyAt = nil, since + math.floor(view.settings.startDelay * 1000)
  end
  return leader
end

local function duty(view, status)
  local servers = M.historicals(view)
  local config = view.state.dynamic.coordinator or {}
  local busy = false
  if not config.pauseCoordination then
    local map = places(view, servers)
    for _, segment in ipairs(M.all(view)) do
      busy = look_after(view, servers, segment, map[segment.id]) or busy
    end
    busy = balance(view, servers) or busy
    status.snapshot = M.figures(view)
  elseif not status.snapshot then
    status.snapshot = M.figures(view)
  end
  return busy
end

-- What else the duties depend on: the configuration, and which servers are there.
local function surroundings(view)
  local parts = { (json.encode(view.state.dynamic)) }
  for _, server in ipairs(M.historicals(view)) do
    if server.seen then parts[#parts + 1] = server.process.uid end
  end
  return digest.fnv1_32(table.concat(parts, " "))
end

-- The Coordinator's periodic duties: at dutyAt, and again a period later while anything is not as the last
-- run left it.
local function coordinate(view)
  local status = view.state.status
  if not new_leader(view) then return end
  local busy = false
  if status.dutyAt and view.now_ms >= status.dutyAt then
    busy = duty(view, status)
    status.dutyAt = nil
  end
  if status.dutyAt or not status.snapshot then return end
  local paused = (view.state.dynamic.coordinator or {}).pauseCoordination
  local loading = false
  for _, server in ipairs(M.historicals(view)) do
    loading = loading or server.record ~= nil and #server.record.loading > 0
  end
  local differs = not paused and not json.equal(status.snapshot, M.figures(view))
  local around = surroundings(view)
  if busy or loading or differs or status.around ~= around then
    status.around = around
    status.dutyAt = view.now_ms + math.floor(view.settings.period * 1000)
  end
end

local function watch_over(view)
  local status = view.state.status
  status.unavailable = M.unavailable(view)
  if status.unavailable == 0 and next(view.settings.datasources) ~= nil and status.seeded then status.whole = true end
  if status.whole and status.unavailable > (status.worst or 0) then
    status.worst, status.worstAt = status.unavailable, clock.rfc3339(view.now_ms // 1000)
  end
  status.worst = status.worst or 0
end

-- Lets the time up to now pass. at(ms) is told when something will happen by itself.
function M.advance(view, at)
  settle(view)
  seed(view)
  coordinate(view)
  watch_over(view)
  if view.state.status.dutyAt then at(view.state.status.dutyAt) end
  for _, server in ipairs(M.historicals(view)) do
    at(server.process.announced_ms + math.floor(view.settings.sync * 1000))
    for _, load in ipairs(server.record and server.record.loading or {}) do at(load.at) end
  end
end

return M
