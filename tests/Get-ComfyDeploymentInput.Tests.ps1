#Requires -Version 7.4

BeforeAll {
    . $PSScriptRoot/common.ps1
    $emulator = New-TestEmulator
}

AfterAll { Clear-TestState }

Describe 'Get-ComfyDeploymentInput' {
    It 'returns the inputs in order, with their kinds' {
        $inputs = Get-ComfyDeploymentInput portrait
        $inputs[0] | Should -BeOfType ComfyDeploy.ComfyDeploymentInput
        $inputs.Name | Should -Be 'prompt', 'negative_prompt', 'seed', 'steps', 'cfg', 'style', 'hires', 'image'
        $inputs.Kind | Should -Be 'text', 'text', 'number', 'number', 'number', 'enum', 'boolean', 'image'
    }

    It 'returns defaults, limits, and options that can be used as they are' {
        $inputs = @{}
        Get-ComfyDeploymentInput portrait | ForEach-Object { $inputs[$_.Name] = $_ }
        $inputs.steps.Default | Should -BeExactly 20
        $inputs.steps.Min, $inputs.steps.Max, $inputs.steps.Step | Should -Be 1, 50, 1
        $inputs.hires.Default | Should -BeExactly $false
        $inputs.style.Options | Should -Be 'noir', 'anime', 'photo'
        (Get-ComfyDeploymentInput portrait | Where-Object Max -GT 40).Name | Should -Be 'steps'
        (Get-ComfyDeploymentInput portrait | Sort-Object Kind -Stable)[0].Name | Should -Be 'hires'
    }

    It 'accepts <What> from the pipeline' -ForEach @(
        @{ What = 'names'; Source = { 'animate/staging', 'animate/preview' }; Count = 4 }
        @{ What = 'deployments'; Source = { Get-ComfyDeployment animate }; Count = 4 }
        @{ What = 'runs, each deployment once'; Source = { Start-ComfyRun animate/preview -Repeat 3 }; Count = 2 }
        @{ What = 'rows of a CSV file'; Source = { Get-ComfyDeployment animate/staging | ConvertTo-Csv | ConvertFrom-Csv }; Count = 2 }
        @{ What = 'nothing'; Source = { @() }; Count = 0 }
    ) { @(& $Source | Get-ComfyDeploymentInput).Count | Should -Be $Count }

    It 'accepts an environment' {
        (Get-ComfyDeploymentInput animate -Environment staging).DeploymentName | Sort-Object -Unique | Should -Be 'animate/staging'
    }

    It 'reports a deployment that does not exist or is not clear, and continues' {
        $inputs = Get-ComfyDeploymentInput nope, animate, upscale-4k -ErrorVariable errors -ErrorAction SilentlyContinue
        $inputs.Count | Should -Be 2
        $errors.FullyQualifiedErrorId | Should -Be 'DeploymentNotFound,ComfyDeploy.Commands.GetComfyDeploymentInputCommand', 'DeploymentAmbiguous,ComfyDeploy.Commands.GetComfyDeploymentInputCommand'
    }

    It 'converts to CSV and JSON without a type name' {
        $csv = Get-ComfyDeploymentInput portrait | ConvertTo-Csv | ConvertFrom-Csv
        $csv[5].Options | Should -Be 'noir; anime; photo'
        "$csv" | Should -Not -Match 'System\.|ComfyDeploy\.'
        (Get-ComfyDeploymentInput portrait | ConvertTo-Json | ConvertFrom-Json)[5].Options | Should -Be 'noir', 'anime', 'photo'
    }

    It 'fills a row that can be queued' {
        $row = [ordered]@{}
        Get-ComfyDeploymentInput portrait | ForEach-Object { $row[$_.Name] = $_.Default }
        ([pscustomobject] $row | ConvertTo-Csv | ConvertFrom-Csv | Start-ComfyRun portrait).Status | Should -Be 'not-started'
    }

    It 'completes deployments, and -InputName completes inputs' {
        $null = Get-ComfyDeployment
        Get-Completion 'Get-ComfyDeploymentInput upsc' | Should -Contain 'upscale-4k/staging'
        Get-Completion 'Start-ComfyRun portrait -InputName s' | Should -Be 'seed', 'steps', 'style'
    }

    It 'stops within 200 ms while the service hangs' {
        $hung = New-TestEmulator -Fault 'GET /deployments = hang always'
        $stopped = Measure-TestStop 'Get-ComfyDeploymentInput portrait' -When { $hung.Requests.Count -gt 0 }
        $stopped.Milliseconds | Should -BeLessOrEqual 200
        $stopped.Errors | Should -BeNullOrEmpty
    }
}
