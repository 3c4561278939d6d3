-- One record with a body of 200 bytes in JSON, to one of args[2] streams at random.
local streams
function init(args)
  wrk.method = "POST"
  wrk.headers["content-type"] = "application/json"
  wrk.headers["s2-basin"] = args[1]
  wrk.body = '{"records":[{"body":"' .. string.rep("x", 200) .. '"}]}'
  streams = tonumber(args[2])
  math.randomseed(1)
end
function request()
  return wrk.format("POST", wrk.path .. math.random(0, streams - 1) .. "/records")
end
