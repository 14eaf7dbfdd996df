-- Tells what a container wrote before it ended, for the diagnosis of a crash loop.
--
-- `of` is pure: the last lines that say something, without times and stack frames, at most `lines_max` and
-- `bytes_max`. A log may hold what is nobody's business and a status is read by many: after a word that announces a
-- credential a line is cut, and so are user and password in an address. `read` asks for the log of one pod of a
-- group, once for each of its restarts. To keep logs out of status and events: a module whose `read` gives nothing.

local names = require "lib.names"
local tables = require "lib.tables"

local M = {}

M.lines_asked, M.lines_max, M.line_max, M.bytes_max = 60, 5, 200, 400
M.secrets = { "password", "passwd", "secret", "token", "credential", "bearer", "authorization", "accesskey", "access_key",
  "privatekey", "private key", "apikey", "api_key" }

local function without_secrets(line)
  line = line:gsub("://[^/@%s]+@", "://***@")
  local lower, first = line:lower(), nil
  for _, word in ipairs(M.secrets) do
    local _, last = lower:find(word, 1, true)
    first = last and math.min(first or last, last) or first
  end
  return first and line:sub(1, first) .. (first < #line and " ***" or "") or line
end

local function is_frame(line)
  return line:find("^%s*at [%w_$.]+[/(%w]") ~= nil or line:find("^%s*%.%.%. %d+ ") ~= nil
end

-- The end of a log as one line; "" when it says nothing.
function M.of(text)
  local said = {}
  for line in text:gmatch("[^\r\n]+") do
    if not is_frame(line) then
      line = line:gsub("%c", " "):gsub("^%s*%d%d%d%d%-%d%d%-%d%d[T ][%d:.,]+Z?%s*", ""):gsub("%s+", " ")
      line = line:gsub("^ ", ""):gsub(" $", "")
      if line ~= "" then
        said[#said + 1] = names.cut(without_secrets(line), M.line_max)
      end
    end
  end
  local words
  for i = #said, math.max(1, #said - M.lines_max + 1), -1 do
    local longer = said[i] .. (words and " | " .. words or "")
    if #longer > M.bytes_max then
      break
    end
    words = longer
  end
  return words or ""
end

-- The container of a pod whose log may say why it ends again and again, or nil: { name =, restarts = }. One that
-- wrote a termination message has said it.
function M.wanted(pod)
  for _, list in ipairs({ "initContainerStatuses", "containerStatuses" }) do
    for _, container in ipairs(tables.dig(pod, "status", list) or {}) do
      local waiting, ended = tables.dig(container, "state", "waiting") or {}, tables.dig(container, "lastState", "terminated")
      if waiting.reason == "CrashLoopBackOff" and ended and ended.reason ~= "OOMKilled" and (ended.message or "") == "" then
        return { name = container.name, restarts = container.restartCount or 0 }
      end
    end
  end
  return nil
end

local memory, count = {}, 0   -- uid of a pod = { restarts =, words = }: may be lost at any time
local memory_max = 256

local function remember(uid, known, before)
  if count >= memory_max then
    memory, count = {}, 0
  end
  count = count + (before and 0 or 1)
  memory[uid] = known
end

-- What the first of these pods that is in a crash loop wrote last: { [name of the pod] = words }.
function M.read(kube_door, pods)
  for _, pod in ipairs(pods) do
    local container = not pod.metadata.deletionTimestamp and M.wanted(pod)
    if container then
      local known = memory[pod.metadata.uid]
      if not known or known.restarts ~= container.restarts then
        local text, err = kube_door.log({ namespace = pod.metadata.namespace, name = pod.metadata.name,
          container = container.name, previous = true, lines = M.lines_asked })
        local before = known
        known = { restarts = container.restarts, words = text and M.of(text) or "" }
        if text or err.code ~= "network" then   -- what was not asked is asked later
          remember(pod.metadata.uid, known, before)
        end
      end
      return { [pod.metadata.name] = known.words ~= "" and known.words or nil }
    end
  end
  return {}
end

return M
