#Requires -Version 7.4

BeforeAll {
    . $PSScriptRoot/common.ps1

    # The create requests that the service received, as objects.
    function Get-QueuedBody {
        [CmdletBinding()]
        param()
        Get-TestRequest $emulator -Method POST -Path '/run/deployment/queue*' | ForEach-Object { $_.Body | ConvertFrom-Json }
    }
}

AfterAll { Clear-TestState }

Describe 'Start-ComfyRun' {
    BeforeEach { $emulator = New-TestEmulator }

    Context 'one run' {
        It 'accepts a name and a positional hashtable' {
            $run = Start-ComfyRun portrait @{ prompt = 'fox'; seed = 7 }
            $run | Should -BeOfType ComfyDeploy.ComfyRun
            $run.Status | Should -Be 'not-started'
            $run.RunId | Should -Match '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
            $run.DeploymentName | Should -Be 'portrait/production'
            $run.Inputs.prompt | Should -Be 'fox'
            $body = Get-QueuedBody
            $body.inputs.seed | Should -BeExactly 7
            $body.deployment_id | Should -Be $run.DeploymentId
        }

        It 'creates its object without an extra request' {
            $null = Start-ComfyRun portrait @{ prompt = 'a' }
            $before = $emulator.Requests.Count
            $null = Start-ComfyRun portrait @{ prompt = 'b' }
            $emulator.Requests.Count | Should -Be ($before + 1)
        }

        It 'accepts <Given>' -ForEach @(
            @{ Given = 'a name in another case'; Deployment = 'PORTRAIT'; Expected = 'portrait/production' }
            @{ Given = 'workflow/environment'; Deployment = 'portrait/staging'; Expected = 'portrait/staging' }
            @{ Given = 'an id'; Deployment = '00000031-0000-4000-8000-000000000031'; Expected = 'portrait/staging' }
            @{ Given = 'a Guid'; Deployment = [guid] '00000031-0000-4000-8000-000000000031'; Expected = 'portrait/staging' }
            @{ Given = 'an id without hyphens'; Deployment = '00000031000040008000000000000031'; Expected = 'portrait/staging' }
        ) {
            (Start-ComfyRun $Deployment @{ prompt = 'x' }).DeploymentName | Should -Be $Expected
        }

        It 'accepts the environment as a parameter' {
            (Start-ComfyRun portrait @{ prompt = 'x' } -Environment STAGING).DeploymentName | Should -Be 'portrait/staging'
        }

        It 'accepts an object as inputs, and -Input for -Inputs' {
            (Start-ComfyRun portrait ([pscustomobject]@{ prompt = 'a' })).Inputs.prompt | Should -Be 'a'
            (Start-ComfyRun portrait -Input ([ordered]@{ prompt = 'b' })).Inputs.prompt | Should -Be 'b'
        }

        It 'reads inputs from a file, which -Inputs overrides' {
            Set-Content -LiteralPath 'TestDrive:/in [1].json' '{ "prompt": "file", "seed": 5, "style": "noir" }'
            (Start-ComfyRun portrait -InputPath 'TestDrive:/in [1].json' -Inputs @{ seed = 6 }).Inputs | ConvertTo-Json -Compress |
                ConvertFrom-Json -AsHashtable | ForEach-Object { "$($_.prompt) $($_.seed) $($_.style)" } | Should -Be 'file 6 noir'
        }

        It 'converts to the types that the deployment requires' {
            $null = Start-ComfyRun portrait @{ SEED = '7'; cfg = '7.5'; hires = 'yes'; prompt = 42 }
            $inputs = (Get-QueuedBody).inputs
            $inputs.seed | Should -BeExactly 7
            $inputs.cfg | Should -Be 7.5
            $inputs.hires | Should -BeExactly $true
            $inputs.prompt | Should -BeExactly '42'
            $inputs.PSObject.Properties.Name | Should -Contain 'seed'
        }

        It 'sends GPU and webhook' {
            $null = Start-ComfyRun portrait/staging @{ prompt = 'x' } -Gpu T4 -Webhook 'https://hook.example/x?a=1' -WebhookIntermediateStatus
            $body = Get-QueuedBody
            $body.gpu | Should -Be 'T4'
            $body.webhook | Should -Be 'https://hook.example/x?a=1'
            $body.webhook_intermediate_status | Should -BeTrue
        }

        It 'repeats a run, each time with its own ID' {
            $runs = Start-ComfyRun portrait @{ prompt = 'x' } -Repeat 3
            @($runs.RunId | Sort-Object -Unique).Count | Should -Be 3
        }

        It 'keeps text unchanged: quotes, line breaks, other scripts, 4-byte characters' {
            $text = "a `"b`" 'c'`n`té 日本 🦊 </script> \u0041 %20"
            $run = Start-ComfyRun portrait @{ prompt = $text }
            (Get-QueuedBody).inputs.prompt | Should -BeExactly $text
            $run.Inputs.prompt | Should -BeExactly $text
            ($run | Get-ComfyRun).Inputs.prompt | Should -BeExactly $text
        }

        It 'keeps whole numbers beyond 2^53' {
            $null = Start-ComfyRun portrait @{ seed = 9007199254740993 }
            $emulator.Requests[-1].Body | Should -Match '9007199254740993'
        }
    }

    Context 'rejected input' {
        It 'stops before anything is queued: <Call> is <ErrorId>' -ForEach @(
            @{ Call = "Start-ComfyRun portrait @{ promt = 'x' }"; ErrorId = 'UnknownInput' }
            @{ Call = 'Start-ComfyRun animate'; ErrorId = 'DeploymentAmbiguous' }
            @{ Call = 'Start-ComfyRun portrai'; ErrorId = 'DeploymentNotFound' }
            @{ Call = "Start-ComfyRun 'port*'"; ErrorId = 'DeploymentNotFound' }
            @{ Call = 'Start-ComfyRun portrait -Environment nowhere'; ErrorId = 'InvalidInput' }
            @{ Call = "Start-ComfyRun portrait @{ steps = 'abc' }"; ErrorId = 'InvalidInput' }
            @{ Call = "Start-ComfyRun portrait @{ seed = 1.5 }"; ErrorId = 'InvalidInput' }
            @{ Call = "Start-ComfyRun portrait @{ prompt = @{ a = 1 } }"; ErrorId = 'InvalidInput' }
            @{ Call = "Start-ComfyRun portrait 'text'"; ErrorId = 'InvalidInput' }
            @{ Call = 'Start-ComfyRun portrait -InputPath ./nowhere.json'; ErrorId = 'InvalidInput' }
            @{ Call = 'Start-ComfyRun portrait -Webhook /relative'; ErrorId = 'InvalidInput' }
            @{ Call = 'Start-ComfyRun portrait -Webhook ftp://x/y'; ErrorId = 'InvalidInput' }
            @{ Call = 'Start-ComfyRun portrait @{ seed = [double]::NaN }'; ErrorId = 'InvalidInput' }
            @{ Call = 'Start-ComfyRun portrait @{ prompt = { } }'; ErrorId = 'InvalidInput' }
            @{ Call = 'Start-ComfyRun portrait -Timeout 5'; ErrorId = 'ParametersConflict' }
            @{ Call = 'Start-ComfyRun portrait -StopOnTimeout'; ErrorId = 'ParametersConflict' }
            @{ Call = 'Start-ComfyRun portrait -Connection nope'; ErrorId = 'ConnectionNotFound' }
        ) {
            { Invoke-Command ([scriptblock]::Create("$Call -ErrorAction Stop")) } | Should -Throw -ErrorId "$ErrorId,ComfyDeploy.Commands.StartComfyRunCommand"
            Get-TestRequest $emulator -Method POST | Should -BeNullOrEmpty
        }

        It 'suggests similar names and lists the inputs' {
            { Start-ComfyRun portrait @{ promt = 'x' } -ErrorAction Stop } | Should -Throw '*Nearest: prompt*'
            { Start-ComfyRun portrai -ErrorAction Stop } | Should -Throw '*portrait*'
            { Start-ComfyRun animate -ErrorAction Stop } | Should -Throw '*animate/preview*animate/staging*'
        }

        It 'sends unknown inputs with -SkipInputCheck' {
            $null = Start-ComfyRun portrait @{ unheard = 'x' } -SkipInputCheck
            (Get-QueuedBody).inputs.unheard | Should -Be 'x'
        }

        It 'rejects a positional hashtable when deployments are piped, with a hint' {
            { Get-ComfyDeployment portrait/staging | Start-ComfyRun @{ prompt = 'x' } } | Should -Throw '*-Inputs @{*' -ErrorId 'ParameterArgumentTransformationError,*'
            Get-TestRequest $emulator -Method POST | Should -BeNullOrEmpty
        }

        It 'rejects a run, as a row and as a deployment' {
            $run = Start-ComfyRun portrait @{ prompt = 'x' }
            { $run | Start-ComfyRun -Deployment portrait -ErrorAction Stop } | Should -Throw '*ForEach-Object Inputs*' -ErrorId 'InputRowInvalid,*'
            { $run | Start-ComfyRun -ErrorAction Stop } | Should -Throw
            @(Get-TestRequest $emulator -Method POST).Count | Should -Be 1
        }

        It 'rejects the row of a run from a file, without -Deployment' {
            $row = Start-ComfyRun portrait @{ prompt = 'x' } | ConvertTo-Csv | ConvertFrom-Csv
            { $row | Start-ComfyRun -ErrorAction Stop } | Should -Throw
            @(Get-TestRequest $emulator -Method POST).Count | Should -Be 1
        }

        It 'rejects a piped deployment if -Deployment is specified' {
            { Get-ComfyDeployment portrait/staging | Start-ComfyRun -Deployment portrait -ErrorAction Stop } | Should -Throw -ErrorId 'InputRowInvalid,*'
            Get-TestRequest $emulator -Method POST | Should -BeNullOrEmpty
        }

        It 'rejects text as a row, and explains how to name the input' {
            { 'fox' | Start-ComfyRun -Deployment portrait -ErrorAction Stop } | Should -Throw '*-InputName*' -ErrorId 'InputRowInvalid,*'
            Get-TestRequest $emulator -Method POST | Should -BeNullOrEmpty
        }

        It 'reports a key without credits with the message of the service, as one terminating error' {
            $emulator.AddFault('POST /run/deployment/queue = 402 always')
            { 1..5 | Start-ComfyRun portrait -InputName seed } | Should -Throw -ErrorId 'LimitReached,*'
            @(Get-TestRequest $emulator -Method POST).Count | Should -Be 1
        }
    }

    Context 'piped deployments' {
        It 'accepts deployments and their names' {
            (Get-ComfyDeployment portrait | Start-ComfyRun -Inputs @{ prompt = 'x' }).DeploymentName | Sort-Object | Should -Be 'portrait/preview', 'portrait/production', 'portrait/staging'
            ('portrait', 'upscale-4k/staging' | Start-ComfyRun).DeploymentName | Should -Be 'portrait/production', 'upscale-4k/staging'
        }

        It 'continues after a deployment that does not exist' {
            $runs = 'portrait', 'nope', 'upscale-4k' | Start-ComfyRun -ErrorVariable errors -ErrorAction SilentlyContinue
            $runs.Count | Should -Be 2
            $errors.FullyQualifiedErrorId | Should -Be 'DeploymentNotFound,ComfyDeploy.Commands.StartComfyRunCommand'
            $errors[0].TargetObject | Should -Be 'nope'
        }

        It 'queues only in the specified environment' {
            $runs = Get-ComfyDeployment upscale-4k | Start-ComfyRun -Environment staging -ErrorAction SilentlyContinue
            $runs.DeploymentName | Should -Not -Contain 'upscale-4k/production'
        }
    }

    Context 'rows' {
        It 'accepts hashtables, ordered hashtables, objects, and CSV rows' {
            $rows = @{ prompt = 'a' }, [ordered]@{ prompt = 'b' }, [pscustomobject]@{ prompt = 'c' }, ("prompt,seed`nd,4" | ConvertFrom-Csv)
            $runs = $rows | Start-ComfyRun portrait
            $runs.Inputs.prompt | Should -Be 'a', 'b', 'c', 'd'
            (Get-QueuedBody)[3].inputs.seed | Should -BeExactly 4
        }

        It 'accepts text, numbers, and links as the input of -InputName' {
            ('a', 'b' | Start-ComfyRun portrait -InputName prompt).Inputs.prompt | Should -Be 'a', 'b'
            (1..3 | Start-ComfyRun portrait -InputName seed).Inputs.seed | Should -Be 1, 2, 3
            ([uri] 'https://img.example/x.png' | Start-ComfyRun upscale-4k -InputName image).Inputs.image | Should -Be 'https://img.example/x.png'
        }

        It 'reads lines of a file as text, not as objects with PSPath and the like' {
            Set-Content TestDrive:/prompts.txt 'one', 'two'
            (Get-Content TestDrive:/prompts.txt | Start-ComfyRun portrait -InputName prompt).Inputs.prompt | Should -Be 'one', 'two'
            (Get-QueuedBody).ForEach{ @($_.inputs.PSObject.Properties).Count } | Should -Be 1, 1
        }

        It 'lets a row override -Inputs, and -Inputs override the file' {
            Set-Content TestDrive:/in.json '{ "prompt": "file", "seed": 1, "style": "noir" }'
            $run = [pscustomobject]@{ prompt = 'row' } | Start-ComfyRun portrait -InputPath TestDrive:/in.json -Inputs @{ prompt = 'inputs'; seed = 2 }
            "$($run.Inputs.prompt) $($run.Inputs.seed) $($run.Inputs.style)" | Should -Be 'row 2 noir'
        }

        It 'rejects a file of inputs that is not on a disk' {
            Push-Location Env:
            try { { Start-ComfyRun portrait -InputPath ./x.json } | Should -Throw -ErrorId 'InvalidInput,*' } finally { Pop-Location }
            try { Push-Location Env:; Start-ComfyRun portrait -InputPath ./x.json } catch { $caught = $_ } finally { Pop-Location }
            "$caught" | Should -Not -BeLike "*$(Join-Path ([System.Environment]::CurrentDirectory) 'x.json')*"
        }

        It 'treats an empty cell as not specified' {
            $null = "prompt,seed,style`nfox,,noir" | ConvertFrom-Csv | Start-ComfyRun portrait -Inputs @{ seed = 9 }
            $inputs = (Get-QueuedBody).inputs
            $inputs.seed | Should -Be 9
            $inputs.prompt | Should -Be 'fox'
        }

        It 'excludes a column from the inputs and uses it as Label' {
            $run = "prompt,shot`nfox,s01" | ConvertFrom-Csv | Start-ComfyRun portrait -LabelColumn SHOT
            $run.Label | Should -Be 's01'
            $run.Inputs.PSObject.Properties.Name | Should -Be 'prompt'
        }

        It 'stops at an unknown column before anything is queued, and suggests both solutions' {
            { "prompt,shot`nfox,s01`ncat,s02" | ConvertFrom-Csv | Start-ComfyRun portrait } | Should -Throw '*Select-Object prompt*-LabelColumn shot*' -ErrorId 'UnknownInput,*'
            Get-TestRequest $emulator -Method POST | Should -BeNullOrEmpty
        }

        It 'binds no column to a parameter' {
            $null = [pscustomobject]@{ prompt = 'x'; gpu = 'H200'; webhook = 'https://hook.example'; deployment = 'animate'; RunId = $MissingId; Timeout = 5; Connection = 'other'; Repeat = 7 } |
                Start-ComfyRun portrait -SkipInputCheck
            $body = Get-QueuedBody
            @($body).Count | Should -Be 1
            $body.inputs.gpu | Should -Be 'H200'
            $body.gpu | Should -BeNullOrEmpty
            $body.webhook | Should -BeNullOrEmpty
        }

        It 'returns as many objects as rows, with the preference Stop, when one row is rejected' {
            $emulator.AddFault('POST /run/deployment/queue = 422 body="seed":3')
            $ErrorActionPreference = 'Stop'
            $runs = 1..5 | Start-ComfyRun portrait -InputName seed -WarningVariable warnings -WarningAction SilentlyContinue
            $runs.Count | Should -Be 5
            $runs.Status | Should -Be 'not-started', 'not-started', 'not-queued', 'not-started', 'not-started'
            $runs[2].RunId | Should -BeNullOrEmpty
            $runs[2].Error | Should -Not -BeNullOrEmpty
            $runs[2].Inputs.seed | Should -Be 3
            $runs[2].IsFinished | Should -BeTrue
            $runs[2].IsSuccess | Should -BeFalse
            $warnings.Count | Should -Be 1
            $warnings[0].Message | Should -BeLike '*Row 3*'
            $emulator.Advance('00:05:00')
            $waited = $runs | Wait-ComfyRun -Timeout 0
            $waited.Count | Should -Be 5
            @($waited.Where{ $_.IsSuccess }).Count | Should -Be 4
            @(Get-TestRequest $emulator -Method GET -Path '/run/*').Count | Should -Be 4
        }

        It 'returns a not-queued row for an invalid value' {
            $runs = "seed`n1`nx`n3" | ConvertFrom-Csv | Start-ComfyRun portrait -WarningAction SilentlyContinue
            $runs.Status | Should -Be 'not-started', 'not-queued', 'not-started'
            $runs[1].Error | Should -BeLike "*'seed'*'x'*"
        }

        It 'sends no further row after the key is rejected' {
            $emulator.AddFault('POST /run/deployment/queue = 401 after=1 always')
            $got = 1..5 | Start-ComfyRun portrait -InputName seed -WarningAction SilentlyContinue -ErrorAction SilentlyContinue -ErrorVariable failure
            $failure.FullyQualifiedErrorId | Should -BeLike 'ApiKeyRejected,*'
            $failure.Count | Should -Be 1
            $got.Status | Should -Be 'not-started', 'not-queued', 'not-queued', 'not-queued', 'not-queued'
            @(Get-TestRequest $emulator -Method POST).Count | Should -BeLessOrEqual 5
        }

        It 'reads the deployment once, not once per row' {
            $null = 1..20 | Start-ComfyRun portrait -InputName seed
            @(Get-TestRequest $emulator -Method GET).Count | Should -BeLessOrEqual 2
            @(Get-TestRequest $emulator -Method POST).Count | Should -Be 20
        }

        It 'queues the first row before the second one arrives' {
            $seen = [System.Collections.Generic.List[int]]::new()
            $null = 1..3 | ForEach-Object { $seen.Add(@(Get-TestRequest $emulator -Method POST).Count); $_ } | Start-ComfyRun portrait -InputName seed
            $seen.Count | Should -Be 3
            $seen[0] | Should -Be 0
            $seen[1] | Should -Be 1
        }

        It 'queues only the requested number of runs: Select-Object -First 2 before it' {
            $null = 1..30 | Select-Object -First 2 | Start-ComfyRun portrait -InputName seed
            @(Get-TestRequest $emulator -Method POST).Count | Should -Be 2
        }

        It 'ends with the requests under way: Select-Object -First 2 behind it' {
            $runs = 1..60 | Start-ComfyRun portrait -InputName seed | Select-Object -First 2
            $runs.Inputs.seed | Should -Be 1, 2
            @(Get-TestRequest $emulator -Method POST).Count | Should -BeLessOrEqual 18
        }

        It 'accepts an empty batch' {
            @() | Start-ComfyRun portrait -InputName prompt | Should -BeNullOrEmpty
            Get-TestRequest $emulator -Method POST | Should -BeNullOrEmpty
        }
    }

    Context 'without a deployment' {
        BeforeAll {
            function Save-Graph {
                [CmdletBinding()]
                param([Parameter(Mandatory)] [string] $Path, [switch] $Editor)
                $version = Invoke-ComfyApi /workflow-version/00000203-0000-4000-8000-000000000203
                $graph = $Editor ? $version.workflow : $version.workflow_api
                ConvertTo-Json -InputObject $graph -Depth 10 | Set-Content -LiteralPath $Path
            }
        }

        It 'runs the version of a deployment on another machine' {
            $deployment = Get-ComfyDeployment portrait/production
            $run = Start-ComfyRun -WorkflowVersion $deployment -Machine gpu-h100 -Inputs @{ prompt = 'fox'; seed = '7' }
            $run.WorkflowName | Should -Be 'portrait'
            $run.WorkflowVersionId | Should -Be $deployment.WorkflowVersionId
            $run.MachineId | Should -Not -Be $deployment.MachineId
            $run.Gpu | Should -Be 'H100'
            $run.DeploymentName | Should -BeNullOrEmpty
            $body = (Get-TestRequest $emulator -Method POST -Path /run).Body | ConvertFrom-Json
            $body.workflow_version_id | Should -Be $deployment.WorkflowVersionId
            $body.inputs.seed | Should -BeExactly 7
        }

        It 'runs an exported graph for each row' {
            Save-Graph 'TestDrive:/in [1].json'
            $runs = [pscustomobject]@{ prompt = 'a'; shot = 's1' }, [pscustomobject]@{ prompt = 'b'; shot = 's2' } |
                Start-ComfyRun -WorkflowApi 'TestDrive:/in [1].json' -Workflow portrait -Machine gpu-a10g -LabelColumn shot
            $runs.Label | Should -Be 's1', 's2'
            $runs.Inputs.prompt | Should -Be 'a', 'b'
            (Get-ComfyRun -Workflow portrait).RunId | Sort-Object | Should -Be ($runs.RunId | Sort-Object)
            $bodies = Get-TestRequest $emulator -Method POST -Path /run/workflow/queue
            $bodies.Count | Should -Be 2
            ($bodies[0].Body | ConvertFrom-Json).workflow_api_json.'20'.inputs.input_id | Should -Be 'prompt'
        }

        It 'waits for a run like that of a deployment' {
            $emulator = New-TestEmulator -Speed 1000
            Save-Graph TestDrive:/graph.json
            $run = Start-ComfyRun @{ prompt = 'x' } -WorkflowApi TestDrive:/graph.json -Workflow portrait -Machine gpu-a10g | Wait-ComfyRun
            $run.IsSuccess | Should -BeTrue
            $run.WorkflowName | Should -Be 'portrait'
            $run | Get-ComfyRunOutput | Should -Not -BeNullOrEmpty
        }

        It 'refuses a workflow of the editor, and says how to export it' {
            Save-Graph TestDrive:/editor.json -Editor
            $since = $emulator.Requests.Count
            { Start-ComfyRun -WorkflowApi TestDrive:/editor.json -Workflow portrait -Machine gpu-a10g -ErrorAction Stop } |
                Should -Throw '*Workflow > Export (API)*' -ErrorId 'InvalidInput,*'
            Get-TestRequest $emulator -Since $since | Should -BeNullOrEmpty
        }

        It 'refuses <Case>' -ForEach @(
            @{ Case = 'an unknown version'; Version = '11111111-2222-4333-8444-555555555555'; Machine = 'gpu-a10g'; ErrorId = 'VersionNotFound' }
            @{ Case = 'the number of a version'; Version = 3; Machine = 'gpu-a10g'; ErrorId = 'InvalidInput' }
            @{ Case = 'an unknown machine'; Version = '00000203-0000-4000-8000-000000000203'; Machine = 'gpu'; ErrorId = 'MachineNotFound' }
        ) {
            { Start-ComfyRun -WorkflowVersion $Version -Machine $Machine -ErrorAction Stop } | Should -Throw -ErrorId "$ErrorId,*"
            Get-TestRequest $emulator -Method POST | Should -BeNullOrEmpty
        }

        It 'finds the run of a lost answer in the list of the workflow' {
            $emulator.AddFault('POST /run = lost')
            $run = Start-ComfyRun -WorkflowVersion (Get-ComfyDeployment portrait/staging) -Machine gpu-a10g -WarningAction Ignore
            $run.RunId | Should -Be $emulator.Runs.RunId
            Get-TestRequest $emulator -Method POST | Should -HaveCount 1
        }

        It 'completes the workflow of a graph' {
            Get-Completion 'Start-ComfyRun -WorkflowApi x.json -Workflow port' | Should -Contain 'portrait'
        }
    }

    Context 'no duplicate runs' {
        It 'sends a lost create request once, and finds its run' {
            $emulator.AddFault('POST /run/deployment/queue = lost')
            $run = Start-ComfyRun portrait @{ prompt = 'lost' } -WarningAction SilentlyContinue
            @(Get-TestRequest $emulator -Method POST).Count | Should -Be 1
            $emulator.Runs.Count | Should -Be 1
            $run.RunId | Should -Be $emulator.Runs[0].RunId
        }

        It 'sends again after 429' {
            $emulator.AddFault('POST /run/deployment/queue = 429 retry-after=0')
            $run = Start-ComfyRun portrait @{ prompt = 'x' } -WarningVariable warnings -WarningAction SilentlyContinue
            $run.RunId | Should -Not -BeNullOrEmpty
            @(Get-TestRequest $emulator -Method POST).Count | Should -Be 2
            $warnings | Should -Not -BeNullOrEmpty
        }

        It 'does not send again after <_>' -ForEach 400, 422, 500 {
            $emulator.AddFault("POST /run/deployment/queue = $_ always")
            Start-ComfyRun portrait @{ prompt = 'x' } -ErrorAction SilentlyContinue -ErrorVariable errors | Should -BeNullOrEmpty
            $errors.Count | Should -Be 1
            @(Get-TestRequest $emulator -Method POST).Count | Should -Be 1
        }
    }

    Context '-WhatIf' {
        It 'sends no POST, and shows deployment, inputs, number, and price' {
            $lines = Start-ComfyRun portrait @{ prompt = 'fox' } -Repeat 2 -WhatIf -InformationVariable information 6>&1
            $lines | Should -Not -BeOfType ComfyDeploy.ComfyRun
            Get-TestRequest $emulator -Method POST | Should -BeNullOrEmpty
            "$($information[-1])" | Should -Match '2 .*A10G.*0\.\d+'
        }

        It 'shows target and action on the host' {
            $child = Invoke-ChildPwsh @"
`$null = Connect-ComfyDeploy (ConvertTo-SecureString '$(Get-TestKey $emulator)' -AsPlainText) -BaseUri $($emulator.BaseUri)
[pscustomobject]@{ prompt = 'fox' } | Start-ComfyRun portrait -WhatIf
"@
            $child.Output | Should -Match ([regex]::Escape('Performing the operation "Queue run {"prompt":"fox"}" on target "portrait/production (version 3, GPU A10G)".'))
            ($child.Output -split '\r?\n')[-1] | Should -Match '1 run '
        }

        It 'honors $WhatIfPreference' {
            $WhatIfPreference = $true
            'a', 'b' | Start-ComfyRun portrait -InputName prompt
            Get-TestRequest $emulator -Method POST | Should -BeNullOrEmpty
        }
    }

    Context '-Wait' {
        It 'returns the finished runs' {
            Clear-TestState
            $emulator = Start-ComfyEmulator -Speed 36000 -Connect
            $runs = 'a', 'b #fail' | Start-ComfyRun portrait -InputName prompt -Wait -Timeout 30s
            $runs.Status | Sort-Object | Should -Be 'failed', 'success'
        }

        It 'cancels late runs with -StopOnTimeout' {
            $run = Start-ComfyRun portrait @{ prompt = '#stuck=running' } -Wait -Timeout 0 -StopOnTimeout -ErrorVariable errors -ErrorAction SilentlyContinue
            $run.RunId | Should -Be $emulator.Runs[0].RunId
            $emulator.Runs[0].Status | Should -Be 'cancelled'
            $errors.FullyQualifiedErrorId | Should -Be 'WaitTimeout,ComfyDeploy.Commands.StartComfyRunCommand'
        }
    }

    Context '-Manifest' {
        BeforeEach {
            $manifest = Join-Path $TestDrive "$([guid]::NewGuid().ToString('N')).jsonl"
            $rows = 1..3 | ForEach-Object { [pscustomobject]@{ prompt = 'a fox'; seed = $_; shot = "a0$_" } }
        }

        It 'sends no request for a batch that is done' {
            $first = $rows | Start-ComfyRun portrait -LabelColumn shot -Manifest $manifest
            $emulator.Advance('00:10:00')
            $first = $first | Wait-ComfyRun -InOrder
            $before = $emulator.Requests.Count
            $second = $rows | Start-ComfyRun portrait -LabelColumn shot -MaxInFlight 2 -Manifest $manifest -InformationVariable lines
            $emulator.Requests.Count | Should -Be $before
            $second.RunId | Should -Be $first.RunId
            $second.Status | Should -Be 'success', 'success', 'success'
            "$lines" | Should -Be "$(Split-Path $manifest -Leaf): 3 runs done before."
        }

        It 'is a path of the session' {
            Push-Location TestDrive:
            try { $null = $rows | Start-ComfyRun portrait -LabelColumn shot -Manifest './night [1].jsonl' } finally { Pop-Location }
            Test-Path -LiteralPath "$TestDrive/night [1].jsonl" | Should -BeTrue
        }

        It 'is ManifestInUse for a second process, which queues nothing' {
            $child = $null
            $script = "[pscustomobject]@{ prompt = 'late' } | Start-ComfyRun portrait -Manifest '$manifest'"
            $task = @{ COMFY_DEPLOY_API_KEY = Get-TestKey $emulator; COMFY_DEPLOY_BASE_URI = $emulator.BaseUri }
            $rows | ForEach-Object {
                $_
                # Start-ComfyRun, behind, has the manifest open after the first row.
                $child ??= Invoke-ChildPwsh "try { $script } catch { `$_.FullyQualifiedErrorId; exit 7 }" -Environment $task
            } | Start-ComfyRun portrait -LabelColumn shot -Manifest $manifest | Out-Null
            $child.Output | Should -Be 'ManifestInUse,ComfyDeploy.Commands.StartComfyRunCommand'
            $child.ExitCode | Should -Be 7
            $emulator.Runs.Count | Should -Be 3
        }
    }

    Context 'stopping and completing' {
        It 'stops within 200 ms in a hung create request, and leaves no error' {
            $emulator.AddFault('POST /run/deployment/queue = hang always')
            $hung = $emulator
            $stopped = Measure-TestStop 'Start-ComfyRun portrait @{ prompt = "x" }' -When { @(Get-TestRequest $hung -Method POST).Count -gt 0 }
            $stopped.Milliseconds | Should -BeLessOrEqual 200
            $stopped.Errors | Should -BeNullOrEmpty
            $stopped.Output | Should -BeNullOrEmpty
        }

        It 'completes deployments in a fresh session, with one list' {
            Get-Completion 'Start-ComfyRun port' | Should -Contain 'portrait/staging'
            $before = $emulator.Requests.Count
            Get-Completion 'Start-ComfyRun -Deployment port' | Should -Contain 'portrait/staging'
            Get-Completion 'Start-ComfyRun up' | Should -Contain 'upscale-4k/production'
            $emulator.Requests.Count | Should -Be $before
        }

        It 'completes <Line> to <Word>' -ForEach @(
            @{ Line = 'Start-ComfyRun portrait -Gpu A100'; Word = 'A100-80GB' }
            @{ Line = 'Start-ComfyRun portrait -Environment st'; Word = 'staging' }
            @{ Line = 'Start-ComfyRun portrait -Connection em'; Word = 'emulator' }
        ) { Get-Completion $Line | Should -Contain $Word }
    }
}
