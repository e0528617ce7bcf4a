#Requires -Version 7.4

BeforeAll {
    . $PSScriptRoot/common.ps1
    $columns = 'RunId', 'DeploymentName', 'WorkflowName', 'Label', 'Status', 'IsFinished', 'IsSuccess', 'Error', 'Gpu', 'CreatedAt', 'QueuedAt', 'StartedAt', 'EndedAt',
        'QueueSeconds', 'ColdStartSeconds', 'RunSeconds', 'TotalSeconds', 'EstimatedCost', 'PercentComplete', 'LiveStatus', 'QueuePosition', 'OutputCount', 'OutputUrl', 'Outputs', 'Inputs',
        'DeploymentId', 'WorkflowId', 'WorkflowVersionId', 'MachineId', 'MachineType', 'BatchId', 'Origin', 'UserId', 'OrgId', 'RestartOf', 'ConnectionName'

    # The environment that a scheduled task provides to its script.
    function Get-TaskEnvironment {
        [CmdletBinding()]
        param([System.Collections.IDictionary] $More = @{})
        @{ COMFY_DEPLOY_API_KEY = Get-TestKey $emulator; COMFY_DEPLOY_BASE_URI = $emulator.BaseUri } + $More
    }
}

AfterAll { Clear-TestState }

Describe 'Nightly batch' {
    BeforeAll {
        $emulator = New-TestEmulator -Speed 36000
        Set-Content TestDrive:/prompts.csv 'prompt,seed,style', 'fox #multi=2,1,noir', 'cat #fail,2,anime', '"dog, ""big"" #text",3,photo', 'owl #cancelled,,'
        $runs = Import-Csv TestDrive:/prompts.csv | Start-ComfyRun -Deployment portrait -Environment production | Wait-ComfyRun -Timeout 60s -StopOnTimeout
        $runs | Export-Csv TestDrive:/all.csv
    }

    It 'returns as many objects as rows' {
        $runs.Count | Should -Be 4
        @($runs | Where-Object -Not IsSuccess).Status | Sort-Object | Should -Be 'cancelled', 'failed'
    }

    It 'works with the one-line check for success' {
        (-not $runs -or ($runs.IsSuccess -contains $false)) | Should -BeTrue
        $good = @($runs | Where-Object IsSuccess)
        (-not $good -or ($good.IsSuccess -contains $false)) | Should -BeFalse
    }

    It 'writes a CSV file with the documented columns in the documented order' {
        (Get-Content TestDrive:/all.csv -TotalCount 1) -replace '"' -split ',' | Should -Be $columns
        ($runs[0] | Select-Object *).PSObject.Properties.Name | Should -Be $columns
        ($runs[0].PSObject.Properties.Name) | Should -Be $columns
    }

    It 'writes no type name, no object[], and no key' {
        $text = Get-Content TestDrive:/all.csv -Raw
        $text | Should -Not -Match 'System\.|ComfyDeploy\.Comfy|@\{|#TYPE'
        $text | Should -Not -Match ([regex]::Escape((Get-TestKey $emulator)))
    }

    It 'writes inputs as JSON and outputs as file names' {
        $rows = Import-Csv TestDrive:/all.csv
        $dog = $rows | Where-Object Inputs -Like '*dog*'
        ($dog.Inputs | ConvertFrom-Json).prompt | Should -Be 'dog, "big" #text'
        ($dog.Inputs | ConvertFrom-Json).seed | Should -BeExactly 3
        ($rows | Where-Object Inputs -Like '*fox*').Outputs | Should -Match '^[^;]+; [^;]+$'
        ($rows | Where-Object Inputs -Like '*cat*').Error | Should -Not -BeNullOrEmpty
    }

    It 'returns one column per input with -ExpandProperty' {
        $wide = $runs | Select-Object RunId, Status, Error -ExpandProperty Inputs
        $wide[0].PSObject.Properties.Name | Should -Contain 'prompt'
        $wide.Count | Should -Be 4
        # Again: -ExpandProperty must not change the object that it expands.
        { $runs | Select-Object RunId, Status, Error -ExpandProperty Inputs -ErrorAction Stop } | Should -Not -Throw
    }

    It 'finds the failed runs in the file and with the pipeline of the README' {
        Get-ComfyRun -Workflow portrait -After (Get-Date).AddDays(-7) | Where-Object Status -EQ Failed | Export-Csv TestDrive:/failed.csv
        @(Import-Csv TestDrive:/failed.csv).Count | Should -Be 1
    }

    It 'can be summed, sorted, grouped, and compared' {
        ($runs | Measure-Object RunSeconds -Sum).Sum | Should -BeGreaterThan 0
        ($runs | Measure-Object EstimatedCost -Sum).Sum | Should -BeGreaterThan 0
        @($runs | Where-Object RunSeconds -GT 60).Count | Should -Be 0
        @($runs | Where-Object RunTime -GT '00:01:00').Count | Should -Be 0
        @($runs | Where-Object TotalTime -LT '1.00:00:00').Count | Should -Be 4
        @($runs | Sort-Object Age).Count | Should -Be 4
        @($runs | Group-Object Status).Count | Should -Be 3
    }

    It 'restarts the failed runs with their inputs' {
        $again = $runs | Where-Object Status -EQ failed | ForEach-Object Inputs | Start-ComfyRun portrait
        $again.Inputs.prompt | Should -Be 'cat #fail'
    }

    It 'converts to JSON without ValueKind, a key, or a warning' {
        $json = $runs | ConvertTo-Json -Depth 5 -WarningVariable warnings -WarningAction SilentlyContinue
        $json | Should -Not -Match 'ValueKind'
        $json | Should -Not -Match ([regex]::Escape((Get-TestKey $emulator)))
        $warnings | Should -BeNullOrEmpty
        (($json | ConvertFrom-Json).Inputs | Where-Object prompt -Like 'fox*').seed | Should -BeExactly 1
    }

    It 'keeps inputs and outputs in Clixml' {
        $runs | Export-Clixml TestDrive:/all.xml
        Get-Content TestDrive:/all.xml -Raw | Should -Not -Match ([regex]::Escape((Get-TestKey $emulator)))
        $back = Import-Clixml TestDrive:/all.xml
        $back[0].Status | Should -Be $runs[0].Status
        ($back | Where-Object { $_.Inputs.prompt -like 'fox*' }).Outputs.Count | Should -Be 2
        ($back | Where-Object { $_.Inputs.prompt -like 'fox*' }).Outputs[0].Url | Should -Not -BeNullOrEmpty
        $back[0].CreatedAt | Should -Be $runs[0].CreatedAt
    }
}

Describe 'Parallel' {
    BeforeAll {
        $emulator = New-TestEmulator
        $before = $env:PSModulePath
        $env:PSModulePath = (Split-Path $ModulePath) + [System.IO.Path]::PathSeparator + $env:PSModulePath
        $runs = 1..8 | Start-ComfyRun portrait -InputName seed
    }

    AfterAll { $env:PSModulePath = $before }

    It 'works in ForEach-Object -Parallel after one Connect-ComfyDeploy' {
        $found = $runs.RunId | ForEach-Object -Parallel { Get-ComfyRun $_ } -ThrottleLimit 4
        $found.RunId | Sort-Object | Should -Be ($runs.RunId | Sort-Object)
    }

    It 'works there with piped runs and with -Connection' {
        $connection = Get-ComfyConnection emulator
        $found = $runs | ForEach-Object -Parallel { Get-ComfyRun $_.RunId -Connection $using:connection } -ThrottleLimit 4
        @($found).Count | Should -Be 8
        $found = $runs | ForEach-Object -Parallel { $_ | Get-ComfyRun -Connection emulator } -ThrottleLimit 4
        @($found).Count | Should -Be 8
    }

    It 'queues there without mixing up responses' {
        $queued = 101..116 | ForEach-Object -Parallel { Start-ComfyRun portrait @{ seed = $_ } } -ThrottleLimit 8
        @($queued.RunId | Sort-Object -Unique).Count | Should -Be 16
        foreach ($run in $queued) { ($emulator.Runs | Where-Object RunId -EQ $run.RunId).Inputs | Should -Be "{`"seed`":$($run.Inputs.seed)}" }
    }

    It 'works in Start-ThreadJob' {
        $job = Start-ThreadJob { $using:runs | Get-ComfyRun | Select-Object -ExpandProperty RunId }
        $job | Receive-Job -Wait -AutoRemoveJob | Should -Be $runs.RunId
    }

    It 'keeps a connection in the runspace that created it' {
        $other = Start-ComfyEmulator -Speed 0
        1..2 | ForEach-Object -Parallel { $e = $using:other; Connect-ComfyDeploy $e.ApiKey -BaseUri $e.BaseUri; (Get-ComfyConnection | Where-Object IsDefault).BaseUri } |
            Sort-Object -Unique | Should -Be $other.BaseUri
        (Get-ComfyConnection | Where-Object IsDefault).BaseUri | Should -Be $emulator.BaseUri
    }

    It 'works in Start-Job, and Wait-ComfyRun accepts the returned runs' {
        $task = @{ Key = Get-TestKey $emulator; BaseUri = $emulator.BaseUri }
        $job = Start-Job {
            $env:COMFY_DEPLOY_API_KEY = $using:task.Key
            $env:COMFY_DEPLOY_BASE_URI = $using:task.BaseUri
            Start-ComfyRun portrait @{ prompt = 'job #multi=2' }
        }
        $received = $job | Receive-Job -Wait -AutoRemoveJob
        $received.PSObject.TypeNames[0] | Should -Be 'Deserialized.ComfyDeploy.ComfyRun'
        $received.Inputs.prompt | Should -Be 'job #multi=2'
        $received | Format-Table | Out-String -Width 120 | Should -Match 'RunId +DeploymentName +Status +Done'
        $emulator.Advance('00:05:00')
        ($received | Wait-ComfyRun -WarningAction SilentlyContinue).Status | Should -Be 'success'
        ($received | Wait-ComfyRun -WarningVariable warnings -WarningAction SilentlyContinue).ConnectionName | Should -Be 'emulator'
        $warnings[0].Message | Should -BeLike "*'environment'*'emulator'*"
    }
}

Describe 'Two accounts' {
    BeforeAll {
        $emulator = New-TestEmulator
        $studio = New-NamedEmulator studio
        # Emulators create the same IDs in the same order; the accounts should have different ones.
        $other = Start-ComfyRun portrait @{ prompt = 'other' } -Connection studio
        $mine = Start-ComfyRun portrait @{ prompt = 'mine' }
        $theirs = Start-ComfyRun portrait @{ prompt = 'theirs' } -Connection studio
    }

    It 'stay separate' {
        $emulator.Runs.RunId | Should -Be $mine.RunId
        $studio.Runs.RunId | Should -Be $other.RunId, $theirs.RunId
        $theirs.ConnectionName | Should -Be 'studio'
    }

    It 'use the connection of each object when objects are piped together' {
        $fresh = $theirs, $mine | Get-ComfyRun
        $fresh.ConnectionName | Should -Be 'studio', 'emulator'
        $emulator.Advance('00:05:00')
        $studio.Advance('00:05:00')
        ($theirs, $mine | Wait-ComfyRun).ConnectionName | Sort-Object | Should -Be 'emulator', 'studio'
        (Get-ComfyDeployment portrait/staging -Connection studio | Start-ComfyRun -Inputs @{ prompt = 'x' }).ConnectionName | Should -Be 'studio'
        $studio.Runs.Count | Should -Be 3
    }

    It 'are two accounts even if their IDs are the same' {
        ($other, $mine | Get-ComfyRun).ConnectionName | Should -Be 'studio', 'emulator'
    }

    It 'let -Connection override the connection of the object' {
        $theirs | Get-ComfyRun -Connection emulator -ErrorVariable errors -ErrorAction SilentlyContinue | Should -BeNullOrEmpty
        $errors[0].FullyQualifiedErrorId | Should -BeLike 'RunNotFound,*'
        $errors[0].Exception.Message | Should -BeLike "*'emulator'*"
    }

    It 'warn once about a row that names another connection' {
        $rows = $theirs, $theirs | ConvertTo-Csv | ConvertFrom-Csv
        $null = $rows | Get-ComfyRun -WarningVariable warnings -WarningAction SilentlyContinue -ErrorAction SilentlyContinue
        $warnings.Count | Should -Be 1
        $warnings[0].Message | Should -BeLike '*studio*-Connection studio*'
        ($rows | Get-ComfyRun -Connection studio).RunId | Should -Be $theirs.RunId
    }

    It 'can be selected for a session with $PSDefaultParameterValues' {
        $PSDefaultParameterValues = @{ '*-Comfy*:Connection' = 'studio'; 'Wait-ComfyRun:Timeout' = '30s' }
        @(Get-ComfyRun -Deployment portrait).RunId | Should -Contain $theirs.RunId
        Test-ComfyConnection | Should -BeTrue
        (Start-ComfyRun portrait @{ prompt = 'default' }).ConnectionName | Should -Be 'studio'
        { Get-ComfyConnection; Start-ComfyEmulator -WhatIf } | Should -Not -Throw
    }

    It 'resolve short IDs by account' {
        $caught = try { Get-ComfyRun $theirs.RunId.Substring(0, 8) -Connection emulator -ErrorAction Stop } catch { $_ }
        if ($theirs.RunId.Substring(0, 8) -ne $mine.RunId.Substring(0, 8)) { $caught.FullyQualifiedErrorId | Should -BeLike 'RunIdInvalid,*' }
    }

    It 'complete the deployments of the specified connection' {
        Clear-TestState
        $emulator = New-TestEmulator
        $studio = New-NamedEmulator studio
        Get-Completion 'Get-ComfyRun -Connection studio -Deployment port' | Should -Contain 'portrait/staging'
        $emulator.Requests.Count | Should -Be 0
        $studio.Requests.Count | Should -Be 2
    }
}

Describe 'The key' {
    BeforeAll {
        $emulator = New-TestEmulator
        $key = [regex]::Escape((Get-TestKey $emulator))
    }

    It 'is in no stream and no error' {
        $text = & {
            $VerbosePreference = $DebugPreference = 'Continue'
            $run = Start-ComfyRun portrait @{ prompt = '#private #fail' }
            $run
            $emulator.Advance('00:05:00')
            $run | Get-ComfyRun
            $run | Wait-ComfyRun
            Get-ComfyRun -Deployment portrait -Full
            Get-ComfyDeployment
            Test-ComfyConnection -Detailed
            Get-ComfyConnection | Format-List * -Force
            $emulator.AddFault('GET /run/* = 503 retry-after=0')
            Get-ComfyRun $run.RunId
            $emulator.AddFault('GET /run/* = 401')
            try { Get-ComfyRun $run.RunId } catch { $_ | Format-List * -Force; $_.Exception | Format-List * -Force }
            $emulator.AddFault('GET /run/* = redirect http://127.0.0.1:1/elsewhere')
            try { Get-ComfyRun $run.RunId } catch { $_ | Format-List * -Force }
            Connect-ComfyDeploy $emulator.ApiKey -BaseUri $emulator.BaseUri -PassThru -Name again | Format-List * -Force
        } *>&1 | Out-String -Width 4000
        $text | Should -Match 'GET /' -Because 'the streams were caught'
        $text | Should -Not -Match $key
        $text | Should -Not -Match 'Bearer'
        $Error | Out-String -Width 4000 | Should -Not -Match $key
        $Error | Format-List * -Force | Out-String -Width 4000 | Should -Not -Match $key
    }

    It 'is in no message about an invalid key' {
        $wrong = (Get-TestKey $emulator) + 'x'
        $caught = try { Connect-ComfyDeploy (ConvertTo-SecureString $wrong -AsPlainText) -BaseUri $emulator.BaseUri -Verbose -Debug *>&1 } catch { $_ }
        $caught | Format-List * -Force | Out-String -Width 4000 | Should -Not -Match ([regex]::Escape($wrong))
    }

    It 'with a line break or an invalid character is rejected with an explanation' {
        $caught = try { Connect-ComfyDeploy (ConvertTo-SecureString "abc`ndef" -AsPlainText) -BaseUri $emulator.BaseUri -ErrorAction Stop } catch { $_ }
        $caught.FullyQualifiedErrorId | Should -BeLike '*,ComfyDeploy.Commands.ConnectComfyDeployCommand'
        $caught.FullyQualifiedErrorId | Should -Match '^(ApiKeyRejected|InvalidInput),'
        "$caught" | Should -Not -Match 'abc'
        $caught = try { Connect-ComfyDeploy (ConvertTo-SecureString 'schlüssel-日本' -AsPlainText) -BaseUri $emulator.BaseUri -ErrorAction Stop } catch { $_ }
        $caught.FullyQualifiedErrorId | Should -Match '^(ApiKeyRejected|InvalidInput),'
        "$caught" | Should -Not -Match 'schl'
    }

    It 'is not sent along a redirect' {
        $thief = Start-ComfyEmulator -Speed 0
        $emulator.AddFault("GET /workflows = redirect $($thief.BaseUri)/workflows always")
        $null = Test-ComfyConnection
        $emulator.ClearFaults()
        $thief.Requests.HasAuthorization | Should -Not -Contain $true
    }
}

Describe 'Dates' {
    BeforeAll { $emulator = New-TestEmulator -Speed 1 }

    It 'compare correctly with Get-Date in <_>' -ForEach 'Asia/Tokyo', 'America/New_York', 'Asia/Kathmandu' {
        $child = Invoke-ChildPwsh @'
[System.TimeZoneInfo]::Local.BaseUtcOffset.TotalHours
$run = Start-ComfyRun portrait @{ prompt = 'x' }
foreach ($one in $run, ($run | Get-ComfyRun), (Get-ComfyRun -Deployment portrait -First 1)) {
    $age = ((Get-Date) - $one.CreatedAt).TotalMinutes
    "$($one.CreatedAt.Kind) $($age -gt -1 -and $age -lt 5) $($one.CreatedAt -gt (Get-Date).AddMinutes(-5)) $($one.CreatedAt -lt (Get-Date).AddMinutes(1)) $((New-TimeSpan $one.CreatedAt).TotalMinutes -lt 5) $($one.Age.TotalMinutes -lt 5)"
}
@(Get-ComfyRun -Deployment portrait -After 10m).Count -gt 0
@(Get-ComfyRun -Deployment portrait -After (Get-Date).AddMinutes(-10)).Count -gt 0
@(Get-ComfyRun -Deployment portrait -Before 10m).Count -eq 0
(Get-ComfyRun -After (Get-Date).AddMinutes(1)).Count -eq 0
($run | Export-Clixml ($f = New-TemporaryFile)); (Import-Clixml $f).CreatedAt -eq $run.CreatedAt
'@ -Environment (Get-TaskEnvironment @{ TZ = $_ })
        $lines = $child.Output -split '\r?\n'
        $lines[0] | Should -Be @{ 'Asia/Tokyo' = 9; 'America/New_York' = -5; 'Asia/Kathmandu' = 5.75 }[$_]
        $lines[1..3] | Should -Be 'Local True True True True True', 'Local True True True True True', 'Local True True True True True'
        $lines[4..8] | Should -Be 'True', 'True', 'True', 'True', 'True'
        $child.Error | Should -BeNullOrEmpty
    }
}

Describe 'Culture' {
    BeforeAll { $emulator = New-TestEmulator }

    It 'does not change a round trip in <_>' -ForEach 'de-DE', 'tr-TR', 'ar-SA' {
        $child = Invoke-ChildPwsh @'
[cultureinfo]::CurrentCulture = $env:TEST_CULTURE; [cultureinfo]::CurrentUICulture = $env:TEST_CULTURE
$run = [pscustomobject]@{ prompt = 'INIT ı i'; cfg = 7.5; seed = 12 } | Start-ComfyRun portrait
$run.Inputs.cfg -eq 7.5
"$($run.Inputs)"
$file = New-TemporaryFile
$run | Get-ComfyRun | Export-Csv $file
(Import-Csv $file | Get-ComfyRun).RunId -eq $run.RunId
(Import-Csv $file | Get-ComfyRun).DeploymentId -eq $run.DeploymentId
(Import-Csv $file).Inputs
Get-ComfyRun -Deployment PORTRAIT -Status FAILED,TIMEOUT | Measure-Object | ForEach-Object Count
(Start-ComfyRun portrait @{ cfg = '7.5' }).Inputs.cfg -eq 7.5
try { Start-ComfyRun portrait @{ cfg = '7,5' } -ErrorAction Stop } catch { $_.FullyQualifiedErrorId }
@(Get-ComfyRun -Deployment portrait -After 1.5h).Count
@(Get-ComfyRun -Deployment portrait -After '2020-01-31').Count
'@ -Environment (Get-TaskEnvironment @{ TEST_CULTURE = $_ })
        $lines = $child.Output -split '\r?\n'
        $lines[0] | Should -Be 'True'
        $lines[1] | Should -Be '{"prompt":"INIT ı i","cfg":7.5,"seed":12}'
        $lines[2..3] | Should -Be 'True', 'True'
        ($lines[4] | ConvertFrom-Json).cfg | Should -Be 7.5
        $lines[5] | Should -Be '0'
        $lines[6] | Should -Be 'True'
        $lines[7] | Should -BeLike 'InvalidInput,*'
        [int] $lines[8] | Should -BeGreaterThan 0
        [int] $lines[9] | Should -BeGreaterThan 0
        $child.Error | Should -BeNullOrEmpty
    }
}
