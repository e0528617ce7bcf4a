#Requires -Version 7.4

BeforeAll {
    . $PSScriptRoot/common.ps1
    $emulator = New-TestEmulator
}

AfterAll { Clear-TestState }

Describe 'Get-ComfyDeployment' {
    It 'lists all, with the names of their machines' {
        $all = Get-ComfyDeployment
        $all.Count | Should -Be 7
        $all[0] | Should -BeOfType ComfyDeploy.ComfyDeployment
        $all.MachineName | Should -Not -Contain $null
        $all.DeploymentName | Should -Not -Contain 'neighbours-secret/production'
    }

    It 'finds by <What>' -ForEach @(
        @{ What = 'workflow name'; Name = 'PORTRAIT'; Count = 3 }
        @{ What = 'name/environment'; Name = 'portrait/Staging'; Count = 1 }
        @{ What = 'wildcard'; Name = 'p*t'; Count = 3 }
        @{ What = 'wildcard over both'; Name = '*/staging'; Count = 3 }
        @{ What = 'id'; Name = '00000031-0000-4000-8000-000000000031'; Count = 1 }
        @{ What = 'wildcard without a match'; Name = 'zzz*'; Count = 0 }
    ) { @(Get-ComfyDeployment $Name).Count | Should -Be $Count }

    It 'sorts by workflow and environment' {
        $sorted = 'animate/preview', 'animate/staging', 'portrait/preview', 'portrait/production', 'portrait/staging', 'upscale-4k/production', 'upscale-4k/staging'
        (Get-ComfyDeployment).DeploymentName | Should -Be $sorted
        (Get-ComfyDeployment portrait).DeploymentName | Should -Be $sorted[2..4]
        # Several names come in the order in which they are given.
        (Get-ComfyDeployment upscale-4k, anim*).DeploymentName | Should -Be $sorted[5, 6, 0, 1]
    }

    It 'filters by environment and workflow' {
        (Get-ComfyDeployment -Environment production).DeploymentName | Sort-Object | Should -Be 'portrait/production', 'upscale-4k/production'
        @(Get-ComfyDeployment -Environment production, staging).Count | Should -Be 5
        @(Get-ComfyDeployment -Workflow animate).Count | Should -Be 2
        @(Get-ComfyDeployment -Workflow 00000022-0000-4000-8000-000000000022).Count | Should -Be 2
        @(Get-ComfyDeployment portrait, upscale-4k -Environment staging).Count | Should -Be 2
    }

    It 'reports a name that does not exist, suggests similar names, and continues' {
        $found = Get-ComfyDeployment portrat/staging, animate/preview -ErrorVariable errors -ErrorAction SilentlyContinue
        $found.DeploymentName | Should -Be 'animate/preview'
        $errors.FullyQualifiedErrorId | Should -Be 'DeploymentNotFound,ComfyDeploy.Commands.GetComfyDeploymentCommand'
        $errors[0].Exception.Message | Should -BeLike '*portrait/staging*'
        $errors[0].TargetObject | Should -Be 'portrat/staging'
    }

    It 'writes a deployment named twice once' {
        @(Get-ComfyDeployment portrait/staging, port*).Count | Should -Be 3
    }

    It 'finds the deployments of runs, each once' {
        $runs = Start-ComfyRun portrait @{ prompt = 'x' } -Repeat 2
        ($runs | Get-ComfyDeployment).DeploymentName | Should -Be 'portrait/production'
        ($runs | ConvertTo-Csv | ConvertFrom-Csv | Get-ComfyDeployment).DeploymentName | Should -Be 'portrait/production'
    }

    It 'reports DeploymentUnknown for a run that does not name its deployment' {
        $run = Start-ComfyRun portrait @{ prompt = 'x' }
        $child = Invoke-ChildPwsh @"
Connect-ComfyDeploy (ConvertTo-SecureString '$(Get-TestKey $emulator)' -AsPlainText) -BaseUri $($emulator.BaseUri)
Get-ComfyRun $($run.RunId) | Get-ComfyDeployment -ErrorAction SilentlyContinue -ErrorVariable errors
`$errors.FullyQualifiedErrorId
"@
        $child.Output | Should -Be 'DeploymentUnknown,ComfyDeploy.Commands.GetComfyDeploymentCommand'
    }

    It 'accepts IDs by parameter; an invalid or unknown ID is an error' {
        (Get-ComfyDeployment -DeploymentId 00000031-0000-4000-8000-000000000031).DeploymentName | Should -Be 'portrait/staging'
        $null = Get-ComfyDeployment -DeploymentId nope, $MissingId -ErrorVariable errors -ErrorAction SilentlyContinue
        $errors.FullyQualifiedErrorId | Should -Be @(1..2 | ForEach-Object { 'DeploymentNotFound,ComfyDeploy.Commands.GetComfyDeploymentCommand' })
    }

    It 'does not get a deployment of another owner by ID' {
        { Get-ComfyDeployment -DeploymentId 00000039-0000-4000-8000-000000000039 -ErrorAction Stop } | Should -Throw -ErrorId 'DeploymentNotFound,*'
    }

    It 'converts to CSV and JSON without a type name' {
        $csv = Get-ComfyDeployment portrait | ConvertTo-Csv
        $csv -join "`n" | Should -Not -Match 'System\.|ComfyDeploy\.'
        Get-ComfyDeployment portrait | ConvertTo-Json -Depth 5 -WarningVariable warnings -WarningAction SilentlyContinue | Should -Not -Match 'ValueKind'
        $warnings | Should -BeNullOrEmpty
    }

    It 'returns dates in local time that compare with Get-Date' {
        $deployment = Get-ComfyDeployment portrait/staging
        $deployment.CreatedAt.Kind | Should -Be 'Local'
        ((Get-Date) - $deployment.CreatedAt).TotalDays | Should -BeGreaterThan 29.9
        ((Get-Date) - $deployment.CreatedAt).TotalDays | Should -BeLessThan 30.1
    }

    It 'completes names and environments' {
        Get-Completion 'Get-ComfyDeployment -Name upsc' | Should -Contain 'upscale-4k/staging'
    }

    It 'reports an invalid pattern as a module error, or treats it as a name' {
        $caught = try { Get-ComfyDeployment '[a' -ErrorAction Stop } catch { $_ }
        $caught.FullyQualifiedErrorId | Should -Match '^(InvalidInput|DeploymentNotFound),'
    }

    It 'stops within 200 ms while the service hangs' {
        $hung = New-TestEmulator -Fault 'GET /deployments = hang always'
        $stopped = Measure-TestStop 'Get-ComfyDeployment' -When { $hung.Requests.Count -gt 0 }
        $stopped.Milliseconds | Should -BeLessOrEqual 200
        $stopped.Errors | Should -BeNullOrEmpty
    }
}
